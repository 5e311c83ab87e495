//! What connects the engine to an event loop.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::inbox::Inbox;
use super::{Phase, Scheduler, lock};
use apscheduler_core::executor::Executor;
use apscheduler_core::registry::{IntoExecutor as _, Registry};
use apscheduler_core::{Result, Shutdown};

/// No sleep is longer, so that a clock that was changed, or a laptop that was closed, is noticed.
const MAX_SLEEP: Duration = Duration::from_secs(60);

/// An event loop as the engine sees it: a scheduler crate implements it.
///
/// [`run`](Self::run) is given a [`LoopDriver`] at the start. It says by [`LoopDriver::on_wake`] how to wake the loop, and
/// sees to it that [`LoopDriver::turn`] is called: at once, then when the time has passed that the last turn named, and
/// whenever the loop was woken; until a turn says that the scheduler has been shut down.
pub trait EventLoop: fmt::Debug + Send + Sync + 'static {
    /// Takes over, and sees to it that turns are made. A loop that has a thread of its own, or is somebody else's, returns
    /// at once; one that is the thread that starts it returns when a turn has said that it is over.
    ///
    /// # Errors
    /// Why no turns can be made.
    fn run(&self, driver: LoopDriver) -> Result<()>;

    /// Finds the loop on which the scheduler will run, before anything is started. Comes in the thread that starts the
    /// scheduler.
    ///
    /// # Errors
    /// That there is no loop, and what to do about it.
    fn attach(&self) -> Result<()> {
        Ok(())
    }

    /// The executor that stands in for a missing `default`: a thread pool, unless one belongs to this loop.
    ///
    /// # Errors
    /// Why there is none.
    fn default_executor(&self, registry: &Registry) -> Result<Arc<dyn Executor>> {
        "threadpool".into_executor().resolve(registry)
    }

    /// Whether listeners are called in the loop's turns, in order. Otherwise they are called where the event happens.
    fn takes_listeners(&self) -> bool {
        false
    }

    /// Makes a call that may wait for a store, where it holds up no loop: in a thread of its own. Comes from any thread.
    /// A call that can't be made is dropped.
    fn call_blocking(&self, call: BlockingCall) {
        in_thread(call);
    }

    /// Whether an owner that is dropped shuts the scheduler down in its own thread, so that stores are closed when the
    /// drop returns. Otherwise [`call_blocking`](Self::call_blocking) makes the shutdown: whoever drops it may be a task.
    fn closes_in_place(&self) -> bool {
        false
    }
}

/// Makes a call in a thread of its own; drops it where there can be none.
pub(crate) fn in_thread(call: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().name("apscheduler-call".to_owned());
    if let Err(error) = thread.spawn(call) {
        tracing::error!("can't start a thread for a call: {error}");
    }
}

/// A call that may wait for a store; see [`EventLoop::call_blocking`].
pub type BlockingCall = Box<dyn FnOnce() + Send>;

/// What an event loop makes its turns with, from the start of a scheduler to its shutdown.
///
/// The loop drops it when a turn has said that it is over, and when it ends itself. In the latter case the scheduler is
/// shut down, with an error in the log: nobody would ever process its jobs.
#[must_use = "without its driver the scheduler is shut down"]
pub struct LoopDriver {
    scheduler: Scheduler,
    inbox: Arc<Inbox>,
}

impl LoopDriver {
    pub(super) fn new(scheduler: &Scheduler, inbox: Arc<Inbox>) -> Self {
        Self { scheduler: scheduler.clone(), inbox }
    }

    /// Says how to have the loop make a turn soon. `wake` is called from any thread, also when the loop is awake, and must
    /// not block.
    pub fn on_wake(&self, wake: impl Fn() + Send + Sync + 'static) {
        self.inbox.on_wake(Arc::new(wake));
    }

    /// Does what there is to do: hands due jobs to the executors, calls listeners if the loop
    /// [takes](EventLoop::takes_listeners) them, and runs jobs of a `LoopExecutor`, for
    /// some milliseconds of them.
    ///
    /// Returns how long the loop may sleep if nobody wakes it, at most a minute; zero where more is to be done but others
    /// should have their turn. `None` says that the scheduler has been shut down: the loop drops the driver.
    ///
    /// It does no I/O and no waiting, unless a job or a listener does. A loop that is entered anew from within a job may
    /// make a turn within the turn.
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

    /// The scheduler.
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
    /// The loop has ended under the running scheduler.
    fn lose_loop(&self) {
        if self.0.begin_shutdown().is_err() {
            return;
        }
        tracing::error!(
            "the event loop of the scheduler has ended without a shutdown: no more jobs are processed"
        );
        *lock(&self.0.lost) = true;
        // Whoever ends the loop may hold locks, and may be in a place where stores can't be closed.
        let closing = Closing { scheduler: self.clone(), shutdown: Shutdown::Now };
        in_thread(move || drop(closing));
    }

    /// Shuts down without waiting, for an owner that is dropped.
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

    /// Begins a shutdown that waits for running jobs, and leaves the rest of it to somebody else: the caller is one of
    /// them.
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

/// A shutdown that has begun. It ends wherever this is dropped, so a thread that can't be had does not keep it from
/// ending.
struct Closing {
    scheduler: Scheduler,
    shutdown: Shutdown,
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.scheduler.finish_shutdown(self.shutdown);
    }
}
