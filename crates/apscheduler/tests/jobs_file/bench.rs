//! A jobs file and a scheduler to apply it to.

use std::path::PathBuf;
use std::sync::Arc;

use apscheduler::file::{Applied, JobsFile};
use apscheduler::job::{Job, NextRunTime};
use apscheduler::prelude::*;
use apscheduler_testkit::ManualClock;
use tempfile::TempDir;

/// A directory with a jobs file, and a paused scheduler to apply it to.
pub(crate) struct Bench {
    pub(crate) directory: TempDir,
    pub(crate) clock: ManualClock,
    pub(crate) scheduler: BackgroundScheduler,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let clock = ManualClock::at("2027-01-01T00:00:00Z");
        let registry = apscheduler::builtin::new_registry();
        registry.register_function("greet", |_name: String| ()).unwrap();
        registry.register_function("tick", || ()).unwrap();
        let scheduler = BackgroundScheduler::builder()
            .registry(registry)
            .clock(Arc::new(clock.clone()))
            .build()
            .unwrap();
        scheduler
            .configure(&Config::new().timezone(Zone::UTC).jobstore("other", "memory"))
            .unwrap();
        scheduler.start_paused().unwrap();
        Self { directory: tempfile::tempdir().unwrap(), clock, scheduler }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn load(&self, text: &str) -> apscheduler::Result<JobsFile> {
        std::fs::write(self.path("jobs.toml"), text).unwrap();
        JobsFile::load(self.path("jobs.toml"))
    }

    pub(crate) fn apply(&self, text: &str) -> Applied {
        self.load(text).unwrap().apply(&self.scheduler).unwrap()
    }

    pub(crate) fn job(&self, id: &str) -> Job {
        self.scheduler.get_job(id).unwrap().unwrap()
    }

    pub(crate) fn next(&self, id: &str) -> String {
        match self.job(id).next_run_time() {
            NextRunTime::At(time) => Zone::UTC.iso(time),
            other => format!("{other:?}"),
        }
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        let jobs = self.scheduler.get_jobs().unwrap();
        jobs.iter().map(|job| format!("{}/{}", job.jobstore(), job.id())).collect()
    }

    /// The first error in a file, without the directory.
    pub(crate) fn mistake(&self, text: &str) -> String {
        let error = self.load(text).and_then(|file| file.apply(&self.scheduler)).unwrap_err();
        error.to_string().replace(&format!("{}/", self.directory.path().display()), "")
    }
}

pub(crate) fn counts(applied: Applied) -> [usize; 5] {
    [applied.added, applied.changed, applied.unchanged, applied.removed, applied.ended]
}

pub(crate) const EVERY_MINUTE: &str = r#"
    [[jobs]]
    id = "a"
    func = "greet"
    args = ["you"]
    trigger = { type = "interval", minutes = 1 }
"#;
