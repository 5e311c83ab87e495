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

/// A scheduler under test, whose clock stands still until the case moves it. Its executors are `default`, which runs jobs
/// where they are submitted, and `loop`, which runs them in the turns of the loop.
pub struct Lab {
    subject: Box<dyn Subject>,
    clock: ManualClock,
    events: Events,
}

impl Lab {
    /// A scheduler that was not started yet.
    ///
    /// # Panics
    /// Where it takes no executors.
    pub fn new(harness: &SchedulerHarness) -> Self {
        let clock = ManualClock::at("2027-01-01T00:00:00Z");
        Self::with_clock(harness, clock.clone(), Arc::new(clock))
    }

    /// The same on a clock that goes by the manual one.
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

    /// A scheduler that runs.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn started(harness: &SchedulerHarness) -> Self {
        let lab = Self::new(harness);
        lab.start().expect("it starts");
        lab
    }

    /// Starts the scheduler.
    ///
    /// # Errors
    /// What the start says.
    pub fn start(&self) -> Result<()> {
        self.subject.start(false)
    }

    /// Starts it paused.
    ///
    /// # Errors
    /// What the start says.
    pub fn start_paused(&self) -> Result<()> {
        self.subject.start(true)
    }

    /// The scheduler with its loop.
    pub fn subject(&mut self) -> &mut dyn Subject {
        &mut *self.subject
    }

    /// The thread of the loop, where it has one for good.
    pub fn loop_thread(&self) -> Option<ThreadId> {
        self.subject.loop_thread()
    }

    /// What happened.
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// What the clock shows.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Moves the clock, forward or back.
    pub fn advance(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }

    /// Every second, so many times in all, and first in a second from now.
    pub fn every_second(&self, count: usize) -> Times {
        Times::from(self.now() + TimeDelta::seconds(1), count)
    }

    /// A job that is run once, at once, and the end at which its runs arrive.
    pub fn job(&self, id: &str) -> (JobBuilder, Receiver<ThreadId>) {
        let (sender, receiver) = channel();
        let job = JobBuilder::new(move || sender.send(std::thread::current().id()).is_ok());
        (job.id(id).misfire_grace_time(None), receiver)
    }

    /// Adds a job of which nothing but its events matters.
    ///
    /// # Panics
    /// Where it can't be added.
    pub fn add(&self, job: JobBuilder) {
        self.add_job(job).expect("a valid job");
    }
}

/// What arrives, at the latest when patience ends.
///
/// # Panics
/// Where nothing does.
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
