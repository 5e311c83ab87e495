//! A scheduler for one case.

use std::sync::Arc;

use apscheduler_core::event::EventMask;
use apscheduler_core::executor::{Executor, ExecutorLoad};
use apscheduler_core::job::JobBuilder;
use apscheduler_core::time::{Clock as _, Timestamp};
use apscheduler_engine::schedulers::BackgroundScheduler;
use chrono::TimeDelta;
use serde_json::Value;
use tempfile::TempDir;

use super::functions::{self, SuiteState, full_name};
use super::{Events, Flavor, Gate, Setup, Times, eventually};
use crate::ManualClock;

/// A running scheduler whose clock stands still until the case moves it, with the executor under test as `default`.
///
/// When it is dropped, jobs that hang or stand at a gate end.
#[derive(Debug)]
pub struct Lab {
    flavor: Flavor,
    scheduler: BackgroundScheduler,
    clock: ManualClock,
    executor: Arc<dyn Executor>,
    events: Events,
    folder: TempDir,
}

impl Lab {
    pub(super) fn new(setup: &Setup<'_>, workers: usize) -> Self {
        let registry = crate::registry();
        functions::register(&registry).expect("the registry is new");
        let clock = ManualClock::at("2027-01-01T00:00:00Z");
        let scheduler = BackgroundScheduler::builder()
            .registry(registry)
            .clock(Arc::new(clock.clone()))
            .build()
            .expect("there is no configuration to refuse");
        scheduler.insert_extension(SuiteState::new());
        let executor = setup.executor(workers);
        scheduler.add_executor("default", Arc::clone(&executor)).expect("no other has the alias");
        let events = Events::of(&scheduler);
        scheduler.start().expect("the scheduler starts");
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        Self { flavor: setup.flavor(), scheduler, clock, executor, events, folder }
    }

    /// The scheduler.
    pub fn scheduler(&self) -> &BackgroundScheduler {
        &self.scheduler
    }

    /// The executor `default`.
    pub fn executor(&self) -> &Arc<dyn Executor> {
        &self.executor
    }

    /// What happened.
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// A job that calls a function of the suite, and may be late.
    pub fn job(&self, id: &str, function: &str) -> JobBuilder {
        JobBuilder::new(full_name(self.flavor, function)).id(id).misfire_grace_time(None)
    }

    /// Adds a job.
    pub fn add(&self, job: JobBuilder) {
        self.scheduler.add_job(job).expect("a valid job");
    }

    /// Adds jobs at once.
    pub fn add_all(&self, jobs: impl IntoIterator<Item = JobBuilder>) {
        self.scheduler.add_jobs(jobs.into_iter().collect()).expect("valid jobs");
    }

    /// Adds a job that stops at a gate of its own, and returns when it stands there.
    pub fn hold(&self, id: &str) -> Gate {
        let gate = self.gate(id);
        self.add(self.job(id, "hold").args(gate.arguments()));
        gate.wait_for(1);
        gate
    }

    /// A gate.
    pub fn gate(&self, name: &str) -> Gate {
        Gate::new(self.folder.path(), name)
    }

    /// The folder of the case, as an argument. It is gone when the case has ended.
    pub fn folder(&self) -> Value {
        Value::from(self.folder.path().to_string_lossy())
    }

    /// What the clock shows.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Moves the clock.
    pub fn advance(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }

    /// Every second, so many times in all, and first in a second from now.
    pub fn every_second(&self, count: usize) -> Times {
        Times::from(self.now() + TimeDelta::seconds(1), count)
    }

    /// Moves the clock while the scheduler sleeps: what is due in these seconds is due at once.
    pub fn oversleep(&self, seconds: i64) {
        self.scheduler.pause().expect("the scheduler runs");
        self.advance(seconds);
        self.scheduler.resume().expect("the scheduler runs");
    }

    /// Returns when the executor has the run of a job that runs once.
    pub fn wait_until_handed_over(&self, id: &str) {
        // A job that has finished is gone when its run has been handed over, not before.
        self.events.wait(&format!("the job {id} is handed to the executor"), |heard| {
            !heard.of(id, EventMask::JOB_REMOVED).is_empty()
        });
    }

    /// Returns when no job has an instance any more, queued or running, and the executor says that it has nothing to do.
    pub fn wait_until_idle(&self) {
        eventually("all instances have ended", || self.scheduler.instances() == 0);
        eventually("the executor has nothing to do", || {
            self.executor.load() == ExecutorLoad::default()
        });
    }
}
