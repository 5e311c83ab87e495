//! The description of a scheduler for the suite.

use std::fmt;
use std::sync::Arc;
use std::thread::ThreadId;

use apscheduler_core::Result;
use apscheduler_core::registry::{PluginSet, Registry};
use apscheduler_core::time::Clock;
use apscheduler_engine::schedulers::LoopScheduler;
use apscheduler_engine::{EventLoop, Scheduler};

type Make = dyn Fn(Registry, Arc<dyn Clock>) -> Box<dyn Subject> + Send + Sync;

/// Makes schedulers, and declares what they can do beyond processing jobs. Only declared features
/// are tested.
pub struct SchedulerHarness {
    name: String,
    make: Box<Make>,
    pub(super) takes_listeners: bool,
    pub(super) can_lose_its_loop: bool,
    pub(super) stops_when_dropped: bool,
    /// The maximum number of concurrent cases.
    pub(super) at_once: Option<usize>,
}

/// A scheduler under test, with its event loop. Dropping it drops the scheduler, and then ends the
/// loop.
pub trait Subject: Send {
    /// Returns the scheduler.
    fn scheduler(&self) -> &Scheduler;

    /// Starts the scheduler on its loop with `start` or `start_paused`, and returns when it has
    /// been started.
    ///
    /// # Errors
    /// Any error from the start.
    fn start(&self, paused: bool) -> Result<()>;

    /// Returns the thread of the loop, if it is fixed.
    fn loop_thread(&self) -> Option<ThreadId> {
        None
    }

    /// Ends the loop while the scheduler is running. Called only with
    /// [`SchedulerHarness::can_lose_its_loop`].
    fn end_loop(&mut self) {}
}

/// A scheduler that can be started on any thread, with a start that returns at once.
impl<L: EventLoop, P: PluginSet> Subject for LoopScheduler<L, P> {
    fn scheduler(&self) -> &Scheduler {
        self
    }

    fn start(&self, paused: bool) -> Result<()> {
        if paused { self.start_paused() } else { self.start() }
    }
}

impl SchedulerHarness {
    /// Returns a harness for the schedulers that `make` returns, with this registry and clock. They
    /// are not started yet.
    pub fn new(
        name: impl Into<String>,
        make: impl Fn(Registry, Arc<dyn Clock>) -> Box<dyn Subject> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            make: Box::new(make),
            takes_listeners: false,
            can_lose_its_loop: false,
            stops_when_dropped: true,
            at_once: None,
        }
    }

    /// Declares that listeners are called on the thread of the loop, which the [`Subject`] returns.
    pub fn takes_listeners(mut self) -> Self {
        self.takes_listeners = true;
        self
    }

    /// Declares that the loop has another owner, which may end it while the scheduler is running:
    /// see [`Subject::end_loop`].
    pub fn can_lose_its_loop(mut self) -> Self {
        self.can_lose_its_loop = true;
        self
    }

    /// Declares that the scheduler can't be dropped while it is running.
    pub fn is_borrowed_while_it_runs(mut self) -> Self {
        self.stops_when_dropped = false;
        self
    }

    /// Runs one case at a time, because a process has only one loop of this kind.
    pub fn one_at_a_time(mut self) -> Self {
        self.at_once = Some(1);
        self
    }

    /// Returns the prefix of its case names.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns a new scheduler, not started yet.
    pub fn scheduler(&self, registry: Registry, clock: Arc<dyn Clock>) -> Box<dyn Subject> {
        (self.make)(registry, clock)
    }
}

impl fmt::Debug for SchedulerHarness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchedulerHarness").field("name", &self.name).finish_non_exhaustive()
    }
}
