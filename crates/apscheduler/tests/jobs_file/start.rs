//! Starts every kind of scheduler with a jobs file.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use apscheduler::file::{Applied, JobsFile};
use apscheduler::prelude::*;
use apscheduler::registry::Registry;
use tempfile::TempDir;

use crate::bench::counts;

const FILE: &str =
    "timezone = 'UTC'\n[[jobs]]\nid = 'a'\nfunc = 'stop'\nmisfire_grace_time = 'none'\n";

/// A jobs file with one job, which shuts down its scheduler.
struct Fixture {
    _directory: TempDir,
    file: JobsFile,
    registry: Registry,
    runs: Arc<AtomicUsize>,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("jobs.toml");
        std::fs::write(&path, FILE).unwrap();
        let registry = apscheduler::builtin::new_registry();
        let runs = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&runs);
        registry
            .register_function("stop", move |context: &JobContext| {
                counter.fetch_add(1, Ordering::SeqCst);
                context.scheduler().map(|scheduler| scheduler.shutdown(Shutdown::Now).is_ok())
            })
            .unwrap();
        Self { _directory: directory, file: JobsFile::load(path).unwrap(), registry, runs }
    }

    fn assert_started(&self, applied: Applied, scheduler: &Scheduler) {
        assert_eq!(counts(applied), [1, 0, 0, 0, 0]);
        scheduler.wait_until_stopped();
        assert_eq!(self.runs.load(Ordering::SeqCst), 1);
    }
}

#[test]
fn starts_a_background_scheduler() {
    let fixture = Fixture::new();
    let scheduler =
        BackgroundScheduler::builder().registry(fixture.registry.clone()).build().unwrap();
    fixture.file.configure(&scheduler).unwrap();
    let applied = fixture.file.start(&scheduler).unwrap();
    fixture.assert_started(applied, &scheduler);
}

#[test]
fn starts_a_blocking_scheduler_and_returns_after_the_shutdown() {
    let fixture = Fixture::new();
    let scheduler =
        BlockingScheduler::builder().registry(fixture.registry.clone()).build().unwrap();
    fixture.file.configure(&scheduler).unwrap();
    let applied = fixture.file.start(&scheduler).unwrap();
    assert_eq!(scheduler.state(), SchedulerState::Stopped);
    fixture.assert_started(applied, &scheduler);
}

#[cfg(feature = "scheduler-smol")]
#[test]
fn starts_an_async_scheduler() {
    let fixture = Fixture::new();
    let scheduler =
        apscheduler::SmolScheduler::builder().registry(fixture.registry.clone()).build().unwrap();
    fixture.file.configure(scheduler.blocking()).unwrap();
    let applied = pollster::block_on(fixture.file.start(&scheduler)).unwrap();
    fixture.assert_started(applied, scheduler.blocking());
}

#[test]
fn a_file_that_can_not_be_applied_shuts_the_scheduler_down() {
    // Without the function `stop`.
    let registry = apscheduler::builtin::new_registry();
    let fixture = Fixture::new();
    let scheduler = BlockingScheduler::builder().registry(registry).build().unwrap();
    fixture.file.configure(&scheduler).unwrap();
    let error = fixture.file.start(&scheduler).unwrap_err();
    assert!(error.to_string().contains("jobs.toml: jobs[0] \"a\": func: "), "{error}");
    assert_eq!(scheduler.state(), SchedulerState::Stopped);
}
