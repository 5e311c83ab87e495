//! The interface between the engine and an event loop.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::executor::Executor;
use apscheduler_core::registry::{IntoExecutor as _, Registry};

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
pub struct LoopDriver(Box<dyn Turns>);

/// Makes the turns of one start of a scheduler.
pub(super) trait Turns: Send + Sync {
    /// As [`LoopDriver::on_wake`].
    fn on_wake(&self, wake: Arc<dyn Fn() + Send + Sync>);

    /// As [`LoopDriver::turn`].
    fn turn(&self) -> Option<Duration>;
}

impl LoopDriver {
    pub(super) fn new(turns: Box<dyn Turns>) -> Self {
        Self(turns)
    }

    /// Sets the function that makes the loop turn soon. `wake` is called from any thread, also
    /// while the loop is awake, and must not block.
    pub fn on_wake(&self, wake: impl Fn() + Send + Sync + 'static) {
        self.0.on_wake(Arc::new(wake));
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
        self.0.turn()
    }
}

impl fmt::Debug for LoopDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoopDriver").finish_non_exhaustive()
    }
}
