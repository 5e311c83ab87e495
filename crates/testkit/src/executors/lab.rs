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

/// A running scheduler with a manual clock and the executor under test as `default`.
///
/// Dropping it ends jobs that hang or wait at a gate.
#[derive(Debug)]
pub struct Lab {
    flavor: Flavor,
    scheduler: BackgroundScheduler,
    clock: ManualClock,
    executor: Arc<dyn Executor>,
    events: Events,
    folder: TempDir,
}

impl Setup<'_> {
    /// Returns a running scheduler with a new executor that runs up to `workers` jobs at once.
    pub fn lab(&self, workers: usize) -> Lab {
        Lab::new(self, workers)
    }
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

    /// Returns the scheduler.
    pub fn scheduler(&self) -> &BackgroundScheduler {
        &self.scheduler
    }

    /// Returns the executor `default`.
    pub fn executor(&self) -> &Arc<dyn Executor> {
        &self.executor
    }

    /// Returns the events.
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// Returns a job that calls a function of the suite and never misfires.
    pub fn job(&self, id: &str, function: &str) -> JobBuilder {
        JobBuilder::new(full_name(self.flavor, function)).id(id).misfire_grace_time(None)
    }

    /// Adds a job.
    pub fn add(&self, job: JobBuilder) {
        self.scheduler.add_job(job).expect("a valid job");
    }

    /// Adds several jobs at once.
    pub fn add_all(&self, jobs: impl IntoIterator<Item = JobBuilder>) {
        self.scheduler.add_jobs(jobs.into_iter().collect()).expect("valid jobs");
    }

    /// Adds a job that waits at its own gate, and returns when it has arrived there.
    pub fn hold(&self, id: &str) -> Gate {
        let gate = self.gate(id);
        self.add(self.job(id, "hold").args(gate.arguments()));
        gate.wait_for(1);
        gate
    }

    /// Returns a gate.
    pub fn gate(&self, name: &str) -> Gate {
        Gate::new(self.folder.path(), name)
    }

    /// Returns the folder of the case, as an argument. It is deleted at the end of the case.
    pub fn folder(&self) -> Value {
        Value::from(self.folder.path().to_string_lossy())
    }

    /// Returns the time of the clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Advances the clock.
    pub fn advance(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }

    /// Returns a trigger that fires `count` times, every second, starting in one second.
    pub fn every_second(&self, count: usize) -> Times {
        Times::from(self.now() + TimeDelta::seconds(1), count)
    }

    /// Advances the clock while the scheduler is asleep: everything due in these seconds is due at
    /// once.
    pub fn oversleep(&self, seconds: i64) {
        self.scheduler.pause().expect("the scheduler runs");
        self.advance(seconds);
        self.scheduler.resume().expect("the scheduler runs");
    }

    /// Waits until the run of a job that runs once has been submitted to the executor.
    pub fn wait_until_submitted(&self, id: &str) {
        // A finished job is removed only after its run has been submitted.
        self.events.wait(&format!("the job {id} is handed to the executor"), |received| {
            !received.of(id, EventMask::JOB_REMOVED).is_empty()
        });
    }

    /// Waits until no job has a queued or running instance and the executor reports that it is
    /// idle.
    pub fn wait_until_idle(&self) {
        eventually("all instances have ended", || self.scheduler.instances() == 0);
        eventually("the executor has nothing to do", || {
            self.executor.load() == ExecutorLoad::default()
        });
    }
}
