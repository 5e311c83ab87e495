//! The interface between the engine and an event loop.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::inbox::Inbox;
use super::{Phase, Scheduler, lock};
use apscheduler_core::executor::Executor;
use apscheduler_core::registry::{IntoExecutor as _, Registry};
use apscheduler_core::{Result, Shutdown};

/// The maximum sleep, so that a clock change or a suspended machine is noticed.
const MAX_SLEEP: Duration = Duration::from_secs(60);

/// An event loop as seen by the engine. Scheduler crates implement it.
///
/// At the start, [`run`](Self::run) receives a [`LoopDriver`]. It registers how to wake the loop
/// with [`LoopDriver::on_wake`], and ensures that [`LoopDriver::turn`] is called: at once, then
/// after the time that the previous turn returned, and whenever the loop is woken, until a turn
/// returns `None`.
pub trait EventLoop: fmt::Debug + Send + Sync + 'static {
    /// Takes the driver and ensures that turns are made. A loop with its own thread, or one owned
    /// by another library, returns at once; a loop on the starting thread returns after a turn has
    /// returned `None`.
    ///
    /// # Errors
    /// Fails if turns can't be made.
    fn run(&self, driver: LoopDriver) -> Result<()>;

    /// Finds the loop on which the scheduler will run, before anything is started. Called on the
    /// thread that starts the scheduler.
    ///
    /// # Errors
    /// Fails if there is no loop; the message says how to provide one.
    fn attach(&self) -> Result<()> {
        Ok(())
    }

    /// Returns the executor to use if `default` is missing: a thread pool, unless the loop has its
    /// own.
    ///
    /// # Errors
    /// Fails if there is no such executor.
    fn default_executor(&self, registry: &Registry) -> Result<Arc<dyn Executor>> {
        "threadpool".into_executor().resolve(registry)
    }

    /// Returns whether listeners are called in order in the loop's turns. Otherwise they are called
    /// where the event happens.
    fn takes_listeners(&self) -> bool {
        false
    }

    /// Runs a call that may wait for a store without blocking a loop: on its own thread by default.
    /// Called from any thread. A call that can't be run is dropped.
    fn call_blocking(&self, call: BlockingCall) {
        in_thread(call);
    }

    /// Returns whether dropping the owner shuts the scheduler down on the dropping thread, so that
    /// stores are closed when the drop returns. Otherwise the shutdown runs in
    /// [`call_blocking`](Self::call_blocking), because the owner may be dropped in a task.
    fn closes_in_place(&self) -> bool {
        false
    }
}

/// Runs a call on its own thread; drops it if no thread can be spawned.
pub(crate) fn in_thread(call: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().name("apscheduler-call".to_owned());
    if let Err(error) = thread.spawn(call) {
        tracing::error!("can't start a thread for a call: {error}");
    }
}

/// A call that may wait for a store; see [`EventLoop::call_blocking`].
pub type BlockingCall = Box<dyn FnOnce() + Send>;

/// Makes the turns of an event loop, from the start of a scheduler to its shutdown.
///
/// The loop drops it after a turn has returned `None`, or when the loop itself ends. In the latter
/// case the scheduler is shut down and an error is logged, because its jobs would never be
/// processed.
#[must_use = "without its driver the scheduler is shut down"]
pub struct LoopDriver {
    scheduler: Scheduler,
    inbox: Arc<Inbox>,
}

impl LoopDriver {
    pub(super) fn new(scheduler: &Scheduler, inbox: Arc<Inbox>) -> Self {
        Self { scheduler: scheduler.clone(), inbox }
    }

    /// Sets the function that makes the loop turn soon. `wake` is called from any thread, also
    /// while the loop is awake, and must not block.
    pub fn on_wake(&self, wake: impl Fn() + Send + Sync + 'static) {
        self.inbox.on_wake(Arc::new(wake));
    }

    /// Does the pending work: submits due jobs to the executors, calls listeners if the loop
    /// [takes](EventLoop::takes_listeners) them, and runs jobs of a `LoopExecutor` for some
    /// milliseconds.
    ///
    /// Returns how long the loop may sleep unless it is woken, at most a minute; zero if more work
    /// is pending but other work of the loop should run first. `None` means that the scheduler has
    /// been shut down: the loop drops the driver.
    ///
    /// It does no I/O and does not wait, unless a job or a listener does. If a job runs the loop
    /// recursively, a turn may be made within the turn.
    pub fn turn(&self) -> Option<Duration> {
        let engine = &self.scheduler.0;
        self.inbox.enter();
        self.inbox.deliver(|event| engine.listeners.dispatch(event));
        let more = self.inbox.make_calls();
        if self.inbox.is_over() {
            return None;
        }
        engine.watch_clock();
        let next = self.scheduler.process_jobs(engine.now());
        let sleep = next.map_or(MAX_SLEEP, |next| engine.clock.sleep_until(next).min(MAX_SLEEP));
        Some(if more { Duration::ZERO } else { sleep })
    }

    /// Returns the scheduler.
    pub fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }
}

impl Drop for LoopDriver {
    fn drop(&mut self) {
        let engine = &self.scheduler.0;
        self.inbox.close(|event| engine.listeners.dispatch(event));
        if self.inbox.is_over() || !Arc::ptr_eq(&engine.inbox(), &self.inbox) {
            return;
        }
        self.scheduler.lose_loop();
    }
}

impl fmt::Debug for LoopDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoopDriver").field("scheduler", &self.scheduler).finish_non_exhaustive()
    }
}

impl Scheduler {
    /// Handles the end of the loop while the scheduler is running.
    fn lose_loop(&self) {
        if self.0.begin_shutdown().is_err() {
            return;
        }
        tracing::error!(
            "the event loop of the scheduler has ended without a shutdown: no more jobs are processed"
        );
        *lock(&self.0.lost) = true;
        // The code that ends the loop may hold locks, and may run where stores can't be closed.
        let closing = Closing { scheduler: self.clone(), shutdown: Shutdown::Now };
        in_thread(move || drop(closing));
    }

    /// Shuts down without waiting, after the owner was dropped.
    pub(crate) fn abandon(&self) {
        let starting = {
            let phase = lock(&self.0.phase);
            let starting = *phase == Phase::Starting;
            *lock(&self.0.abandoned) |= starting;
            starting
        };
        if starting || self.0.begin_shutdown().is_err() {
            return;
        }
        if self.0.event_loop.closes_in_place() {
            self.finish_shutdown(Shutdown::Now);
        } else {
            self.close(Shutdown::Now);
        }
    }

    /// Begins a shutdown that waits for running jobs, and completes it elsewhere, because the
    /// caller is one of these jobs.
    pub(crate) fn shutdown_in_background(&self) -> Result<()> {
        self.0.begin_shutdown()?;
        self.close(Shutdown::Wait);
        Ok(())
    }

    fn close(&self, shutdown: Shutdown) {
        let closing = Closing { scheduler: self.clone(), shutdown };
        self.0.event_loop.call_blocking(Box::new(move || drop(closing)));
    }
}

/// A shutdown in progress. It completes when this is dropped, even if no thread can be spawned.
struct Closing {
    scheduler: Scheduler,
    shutdown: Shutdown,
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.scheduler.finish_shutdown(self.shutdown);
    }
}
