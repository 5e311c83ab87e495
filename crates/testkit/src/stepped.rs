//! A scheduler whose loop is turned by hand.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use apscheduler_core::registry::Registry;
use apscheduler_core::time::{Clock as _, Timestamp};
use apscheduler_core::{EventLoop, Result, Scheduler};
use chrono::TimeDelta;

use crate::ManualClock;

/// A scheduler without a thread: time passes, and jobs are processed, when a test says so. Its default executor is the
/// debug executor, so jobs run inside of [`step`](Self::step).
///
/// # Examples
/// ```
/// use apscheduler_core::job::JobBuilder;
/// use apscheduler_core::registry::Registry;
/// use apscheduler_testkit::SteppedScheduler;
///
/// let scheduler = SteppedScheduler::new(Registry::with_core_plugins(), "2027-01-01T00:00:00Z");
/// let (sender, receiver) = std::sync::mpsc::channel();
/// scheduler.add_job(JobBuilder::new(move || drop(sender.send("ran"))))?;
/// scheduler.start()?;
/// scheduler.step();
/// assert_eq!(receiver.try_recv(), Ok("ran"));
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
pub struct SteppedScheduler {
    scheduler: Scheduler,
    clock: ManualClock,
    event_loop: Arc<CountingLoop>,
}

/// Counts what the engine asks of an event loop.
#[derive(Debug, Default)]
struct CountingLoop {
    wakes: AtomicUsize,
    stops: AtomicUsize,
}

impl EventLoop for CountingLoop {
    fn wake(&self) {
        self.wakes.fetch_add(1, Ordering::SeqCst);
    }

    fn stop(&self, _wait: bool) {
        self.stops.fetch_add(1, Ordering::SeqCst);
    }
}

impl SteppedScheduler {
    /// A scheduler whose clock shows this instant, given in RFC 3339.
    ///
    /// # Panics
    /// Where the text is no such instant.
    pub fn new(registry: Registry, now: &str) -> Self {
        let clock = ManualClock::at(now);
        let event_loop = Arc::new(CountingLoop::default());
        let scheduler = Scheduler::new(
            registry,
            Arc::new(clock.clone()),
            "debug",
            Arc::clone(&event_loop) as _,
        );
        Self { scheduler, clock, event_loop }
    }

    /// Starts it.
    ///
    /// # Errors
    /// As [`Scheduler::start_engine`].
    pub fn start(&self) -> Result<()> {
        self.scheduler.start_engine(false)
    }

    /// Starts it paused.
    ///
    /// # Errors
    /// As [`Scheduler::start_engine`].
    pub fn start_paused(&self) -> Result<()> {
        self.scheduler.start_engine(true)
    }

    /// Processes what is due now. Returns when the scheduler wants to be called again.
    pub fn step(&self) -> Option<Timestamp> {
        self.scheduler.process_jobs(self.clock.now())
    }

    /// Moves the clock, and processes what is due then.
    pub fn advance(&self, step: TimeDelta) -> Option<Timestamp> {
        self.clock.advance(step);
        self.step()
    }

    /// The clock.
    pub fn manual_clock(&self) -> &ManualClock {
        &self.clock
    }

    /// How often the engine woke its loop.
    pub fn wakes(&self) -> usize {
        self.event_loop.wakes.load(Ordering::SeqCst)
    }

    /// How often the engine stopped its loop.
    pub fn stops(&self) -> usize {
        self.event_loop.stops.load(Ordering::SeqCst)
    }
}

impl Deref for SteppedScheduler {
    type Target = Scheduler;

    fn deref(&self) -> &Scheduler {
        &self.scheduler
    }
}

impl fmt::Debug for SteppedScheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SteppedScheduler").field("clock", &self.clock).finish_non_exhaustive()
    }
}
