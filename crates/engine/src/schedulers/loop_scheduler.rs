//! What all scheduler types are: a scheduler on an event loop, and the one who owns it.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use super::SchedulerBuilder;
use crate::engine::{EventLoop, Scheduler};
use crate::plugins::LinkedPlugins;
use apscheduler_core::Result;
use apscheduler_core::registry::{PluginSet, Registry};
use apscheduler_core::time::{Clock, SystemClock};

/// A scheduler on an event loop, with the plugins of `P`. Dropping it shuts it down without waiting for running jobs.
///
/// It derefs to [`Scheduler`], which has the methods to add jobs and the rest; [`handle`](Scheduler::handle) returns one to
/// hand around. Programs know it by the name of a loop: [`BackgroundScheduler`](super::BackgroundScheduler) and its like.
pub struct LoopScheduler<L: EventLoop, P: PluginSet = LinkedPlugins> {
    scheduler: Scheduler,
    event_loop: Arc<L>,
    plugins: PhantomData<fn() -> P>,
}

impl<L: EventLoop + Default, P: PluginSet> LoopScheduler<L, P> {
    /// Returns a scheduler with the defaults.
    pub fn new() -> Self {
        let registry = P::registry();
        Self::from_parts(L::default(), registry, Arc::new(SystemClock))
    }

    /// Returns a builder of a scheduler, with which its configuration, registry and clock can be chosen.
    pub fn builder() -> SchedulerBuilder<L, P> {
        SchedulerBuilder::new(L::default())
    }
}

impl<L: EventLoop, P: PluginSet> LoopScheduler<L, P> {
    /// Returns a builder of a scheduler on this event loop.
    pub fn builder_on(event_loop: L) -> SchedulerBuilder<L, P> {
        SchedulerBuilder::new(event_loop)
    }

    pub(super) fn from_parts(event_loop: L, registry: Registry, clock: Arc<dyn Clock>) -> Self {
        let event_loop = Arc::new(event_loop);
        let scheduler = Scheduler::new(registry, clock, Arc::clone(&event_loop) as _);
        Self { scheduler, event_loop, plugins: PhantomData }
    }

    /// Starts executors and job stores, adds the jobs that wait for the start, and begins to process jobs. The event loop
    /// decides whether this returns at once or when the scheduler has been shut down.
    ///
    /// It waits for stores to connect. The schedulers of async runtimes have a start to await.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyRunning`](apscheduler_core::ErrorKind::AlreadyRunning); that the zone of the machine can't be
    /// told where no other was configured; that there is no event loop to run on; the error of a store or an executor
    /// that can't start; what is wrong with a waiting job. On an error everything that had been started is stopped
    /// again, and waiting jobs that were not added still wait.
    pub fn start(&self) -> Result<()> {
        self.scheduler.start(false)
    }

    /// Starts it without processing jobs until [`Scheduler::resume`].
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_paused(&self) -> Result<()> {
        self.scheduler.start(true)
    }

    pub(super) fn shared_loop(&self) -> Arc<L> {
        Arc::clone(&self.event_loop)
    }

    /// The loop that it is on.
    pub fn event_loop(&self) -> &L {
        &self.event_loop
    }
}

impl<L: EventLoop + Default, P: PluginSet> Default for LoopScheduler<L, P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<L: EventLoop, P: PluginSet> Deref for LoopScheduler<L, P> {
    type Target = Scheduler;

    fn deref(&self) -> &Scheduler {
        &self.scheduler
    }
}

impl<L: EventLoop, P: PluginSet> Drop for LoopScheduler<L, P> {
    fn drop(&mut self) {
        self.scheduler.abandon();
    }
}

impl<L: EventLoop, P: PluginSet> fmt::Debug for LoopScheduler<L, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoopScheduler")
            .field("event_loop", &self.event_loop)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
