//! What a scheduler crate says of its scheduler.

use std::fmt;
use std::sync::Arc;
use std::thread::ThreadId;

use apscheduler_core::Result;
use apscheduler_core::registry::{PluginSet, Registry};
use apscheduler_core::time::Clock;
use apscheduler_engine::schedulers::LoopScheduler;
use apscheduler_engine::{EventLoop, Scheduler};

type Make = dyn Fn(Registry, Arc<dyn Clock>) -> Box<dyn Subject> + Send + Sync;

/// Makes schedulers, and says what they can do beside processing jobs. What it does not say they can is not asked for.
pub struct SchedulerHarness {
    name: String,
    make: Box<Make>,
    pub(super) takes_listeners: bool,
    pub(super) can_lose_its_loop: bool,
    pub(super) stops_when_dropped: bool,
    /// How many cases may run at once.
    pub(super) at_once: Option<usize>,
}

/// A scheduler under test, with its event loop. Dropping it drops the scheduler, and then ends the loop.
pub trait Subject: Send {
    /// The scheduler.
    fn scheduler(&self) -> &Scheduler;

    /// Starts it on its loop, and returns when it has been started: `start`, or `start_paused` of the scheduler type.
    ///
    /// # Errors
    /// What the start says.
    fn start(&self, paused: bool) -> Result<()>;

    /// The thread of the loop, where it has one for good.
    fn loop_thread(&self) -> Option<ThreadId> {
        None
    }

    /// Ends the loop under the scheduler. Asked for with [`SchedulerHarness::can_lose_its_loop`] alone.
    fn end_loop(&mut self) {}
}

/// A scheduler that is started in any thread, and returns at once.
impl<L: EventLoop, P: PluginSet> Subject for LoopScheduler<L, P> {
    fn scheduler(&self) -> &Scheduler {
        self
    }

    fn start(&self, paused: bool) -> Result<()> {
        if paused { self.start_paused() } else { self.start() }
    }
}

impl SchedulerHarness {
    /// The schedulers that `make` makes, with this registry and this clock. They are not started yet.
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

    /// Listeners are called in the thread of the loop, which the [`Subject`] knows.
    pub fn takes_listeners(mut self) -> Self {
        self.takes_listeners = true;
        self
    }

    /// The loop is somebody else's, who may end it under the scheduler: see [`Subject::end_loop`].
    pub fn can_lose_its_loop(mut self) -> Self {
        self.can_lose_its_loop = true;
        self
    }

    /// The scheduler can't be dropped while it runs.
    pub fn is_borrowed_while_it_runs(mut self) -> Self {
        self.stops_when_dropped = false;
        self
    }

    /// A process has one loop of this kind, so no two cases run at once.
    pub fn one_at_a_time(mut self) -> Self {
        self.at_once = Some(1);
        self
    }

    /// The name that its cases begin with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A new scheduler, not started yet.
    pub fn scheduler(&self, registry: Registry, clock: Arc<dyn Clock>) -> Box<dyn Subject> {
        (self.make)(registry, clock)
    }
}

impl fmt::Debug for SchedulerHarness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchedulerHarness").field("name", &self.name).finish_non_exhaustive()
    }
}
