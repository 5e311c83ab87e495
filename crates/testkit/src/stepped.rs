//! A scheduler that is stepped manually.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::Shutdown;
use apscheduler_core::executor::Executor;
use apscheduler_core::registry::Registry;
use apscheduler_core::time::{Clock as _, Timestamp};
use apscheduler_engine::schedulers::LoopScheduler;
use apscheduler_engine::{EventLoop, LoopDriver, Scheduler};
use apscheduler_executor_debug::DebugExecutor;
use chrono::TimeDelta;

use crate::{ManualClock, TestPlugins};

/// A scheduler without a thread: time passes, and jobs are processed, only when a test calls it.
/// Its default executor is the debug executor, so jobs run inside [`step`](Self::step).
///
/// # Examples
/// ```
/// use apscheduler_core::job::JobBuilder;
/// use apscheduler_testkit::SteppedScheduler;
///
/// let scheduler = SteppedScheduler::new(apscheduler_testkit::registry(), "2027-01-01T00:00:00Z");
/// let (sender, receiver) = std::sync::mpsc::channel();
/// scheduler.add_job(JobBuilder::new(move || drop(sender.send("ran"))))?;
/// scheduler.start()?;
/// scheduler.step();
/// assert_eq!(receiver.try_recv(), Ok("ran"));
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
pub struct SteppedScheduler {
    scheduler: LoopScheduler<HeldLoop, TestPlugins>,
    clock: ManualClock,
}

/// Holds the driver until a turn is made, and counts wake-ups.
#[derive(Debug, Default)]
struct HeldLoop {
    driver: Mutex<Option<Arc<LoopDriver>>>,
    wakes: Arc<AtomicUsize>,
}

impl HeldLoop {
    fn driver(&self) -> MutexGuard<'_, Option<Arc<LoopDriver>>> {
        self.driver.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventLoop for HeldLoop {
    fn run(&self, driver: LoopDriver) -> Result<()> {
        let wakes = Arc::clone(&self.wakes);
        driver.on_wake(move || {
            wakes.fetch_add(1, Ordering::SeqCst);
        });
        let before = self.driver().replace(Arc::new(driver));
        // Dropping it calls listeners, so it happens outside of the lock.
        drop(before);
        Ok(())
    }

    fn default_executor(&self, _registry: &Registry) -> Result<Arc<dyn Executor>> {
        Ok(Arc::new(DebugExecutor::new()))
    }
}

impl SteppedScheduler {
    /// Returns a scheduler whose clock shows this instant, given in RFC 3339.
    ///
    /// # Panics
    /// If `now` is not a valid instant.
    pub fn new(registry: Registry, now: &str) -> Self {
        let clock = ManualClock::at(now);
        let scheduler = LoopScheduler::builder()
            .registry(registry)
            .clock(Arc::new(clock.clone()))
            .build()
            .expect("there is no configuration to refuse");
        Self { scheduler, clock }
    }

    /// Starts the scheduler.
    ///
    /// # Errors
    /// Same as [`LoopScheduler::start`].
    pub fn start(&self) -> Result<()> {
        self.scheduler.start()
    }

    /// Starts the scheduler paused.
    ///
    /// # Errors
    /// Same as [`LoopScheduler::start`].
    pub fn start_paused(&self) -> Result<()> {
        self.scheduler.start_paused()
    }

    /// Processes jobs due now. Returns when the scheduler wants to be called again.
    pub fn step(&self) -> Option<Timestamp> {
        self.scheduler.process_jobs(self.clock.now())
    }

    /// Makes a turn of the loop, with all work that a loop would do now. Returns how long the loop
    /// may sleep afterwards; `None` if the scheduler is not running.
    pub fn turn(&self) -> Option<Duration> {
        let driver = self.scheduler.event_loop().driver().clone();
        let sleep = driver.as_ref().and_then(|driver| driver.turn());
        if sleep.is_none() {
            drop(self.scheduler.event_loop().driver().take());
        }
        sleep
    }

    /// Ends the loop while the scheduler is running, like a runtime that ends too early.
    pub fn end_loop(&self) {
        let driver = self.scheduler.event_loop().driver().take();
        drop(driver);
    }

    /// Advances the clock, and processes jobs due then.
    pub fn advance(&self, step: TimeDelta) -> Option<Timestamp> {
        self.clock.advance(step);
        self.step()
    }

    /// Returns the clock.
    pub fn manual_clock(&self) -> &ManualClock {
        &self.clock
    }

    /// Returns how often the engine woke its loop.
    pub fn wakes(&self) -> usize {
        self.scheduler.event_loop().wakes.load(Ordering::SeqCst)
    }
}

impl Deref for SteppedScheduler {
    type Target = Scheduler;

    fn deref(&self) -> &Scheduler {
        &self.scheduler
    }
}

impl Drop for SteppedScheduler {
    fn drop(&mut self) {
        // A scheduler that is not running is fine.
        let _ = self.scheduler.shutdown(Shutdown::Now);
        self.end_loop();
    }
}

impl fmt::Debug for SteppedScheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SteppedScheduler").field("clock", &self.clock).finish_non_exhaustive()
    }
}
