//! A scheduler for one case.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::ThreadId;

use apscheduler_core::Result;
use apscheduler_core::job::JobBuilder;
use apscheduler_core::time::{Clock, Timestamp};
use apscheduler_engine::Scheduler;
use apscheduler_executor_debug::DebugExecutor;
use apscheduler_executor_loop::LoopExecutor;
use chrono::TimeDelta;

use super::{Events, SchedulerHarness, Subject};
use crate::ManualClock;
use crate::executors::Times;
use crate::patience::DEADLINE;

/// A scheduler under test with a manual clock. Its executors are `default`, which runs jobs on the
/// thread that submits them, and `loop`, which runs them in turns of the loop.
pub struct Lab {
    subject: Box<dyn Subject>,
    clock: ManualClock,
    events: Events,
}

impl Lab {
    /// Returns a lab with a scheduler that has not been started.
    ///
    /// # Panics
    /// If it accepts no executors.
    pub fn new(harness: &SchedulerHarness) -> Self {
        let clock = ManualClock::at("2027-01-01T00:00:00Z");
        Self::with_clock(harness, clock.clone(), Arc::new(clock))
    }

    /// Returns a lab like [`new`](Self::new), with a clock derived from the manual one.
    pub(super) fn with_clock(
        harness: &SchedulerHarness,
        clock: ManualClock,
        shown: Arc<dyn Clock>,
    ) -> Self {
        let subject = harness.scheduler(crate::registry(), shown);
        let scheduler = subject.scheduler();
        let events = Events::of(scheduler);
        scheduler.add_executor("default", DebugExecutor::new()).expect("a new alias");
        scheduler.add_executor("loop", LoopExecutor::new()).expect("a new alias");
        Self { subject, clock, events }
    }

    /// Returns a lab with a running scheduler.
    ///
    /// # Panics
    /// If it does not start.
    pub fn started(harness: &SchedulerHarness) -> Self {
        let lab = Self::new(harness);
        lab.start().expect("it starts");
        lab
    }

    /// Starts the scheduler.
    ///
    /// # Errors
    /// Any error from the start.
    pub fn start(&self) -> Result<()> {
        self.subject.start(false)
    }

    /// Starts the scheduler paused.
    ///
    /// # Errors
    /// Any error from the start.
    pub fn start_paused(&self) -> Result<()> {
        self.subject.start(true)
    }

    /// Returns the scheduler with its loop.
    pub fn subject(&mut self) -> &mut dyn Subject {
        &mut *self.subject
    }

    /// Returns the thread of the loop, if it is fixed.
    pub fn loop_thread(&self) -> Option<ThreadId> {
        self.subject.loop_thread()
    }

    /// Returns the events.
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// Returns the time of the clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Moves the clock forward, or back if negative.
    pub fn advance(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }

    /// Returns a trigger that fires `count` times, every second, starting in one second.
    pub fn every_second(&self, count: usize) -> Times {
        Times::from(self.now() + TimeDelta::seconds(1), count)
    }

    /// Returns a job that runs once, immediately, and the receiver of its runs' thread ids.
    pub fn job(&self, id: &str) -> (JobBuilder, Receiver<ThreadId>) {
        let (sender, receiver) = channel();
        let job = JobBuilder::new(move || sender.send(std::thread::current().id()).is_ok());
        (job.id(id).misfire_grace_time(None), receiver)
    }

    /// Adds a job of which only the events are checked.
    ///
    /// # Panics
    /// If it can't be added.
    pub fn add(&self, job: JobBuilder) {
        self.add_job(job).expect("a valid job");
    }
}

/// Waits for a value on the channel.
///
/// # Panics
/// If none arrives in time.
pub(super) fn arrival<T>(receiver: &Receiver<T>) -> T {
    receiver.recv_timeout(DEADLINE).expect("it arrives")
}

impl Deref for Lab {
    type Target = Scheduler;

    fn deref(&self) -> &Scheduler {
        self.subject.scheduler()
    }
}

impl fmt::Debug for Lab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lab").field("scheduler", self.subject.scheduler()).finish_non_exhaustive()
    }
}
