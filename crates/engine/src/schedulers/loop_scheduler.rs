//! The base of all scheduler types: a scheduler on an event loop, and its owner.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use super::builder::{BuildScheduler, SchedulerBuilder};
use crate::engine::{EventLoop, Scheduler};
use crate::linked_plugins::LinkedPlugins;
use apscheduler_core::Result;
use apscheduler_core::config::Config;
use apscheduler_core::registry::{PluginSet, Registry};
use apscheduler_core::time::{Clock, SystemClock};

/// A scheduler on an event loop, with the plugins of `P`. Dropping it shuts it down without waiting
/// for running jobs.
///
/// It derefs to [`Scheduler`], which has the methods to add jobs and all others;
/// [`handle`](Scheduler::handle) returns a handle to share. Programs use it through an alias for a
/// specific loop, such as [`BackgroundScheduler`](super::BackgroundScheduler).
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

    /// Returns a builder, which sets the scheduler's configuration, registry and clock.
    pub fn builder() -> SchedulerBuilder<Self> {
        SchedulerBuilder::new(L::default())
    }
}

impl<L: EventLoop, P: PluginSet> LoopScheduler<L, P> {
    /// Returns a builder of a scheduler on this event loop.
    pub fn builder_on(event_loop: L) -> SchedulerBuilder<Self> {
        SchedulerBuilder::new(event_loop)
    }

    /// Starts executors and job stores, adds the jobs held for the start, and begins to process
    /// jobs. The event loop determines whether this returns at once or after the shutdown.
    ///
    /// It blocks until stores have connected. The schedulers of async runtimes have an async start.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyRunning`](apscheduler_core::ErrorKind::AlreadyRunning); an error if no
    /// zone was configured and the machine's zone can't be determined; an error if there is no
    /// event loop to run on; any error from a store or an executor that can't start; an error for
    /// an invalid held job. On an error, everything started so far is stopped again, and jobs that
    /// were not added are still held.
    pub fn start(&self) -> Result<()> {
        self.scheduler.start(false)
    }

    /// Starts the scheduler without processing jobs until [`Scheduler::resume`].
    ///
    /// # Errors
    /// Same as [`start`](Self::start).
    pub fn start_paused(&self) -> Result<()> {
        self.scheduler.start(true)
    }

    pub(super) fn shared_loop(&self) -> Arc<L> {
        Arc::clone(&self.event_loop)
    }

    /// Returns the event loop.
    pub fn event_loop(&self) -> &L {
        &self.event_loop
    }
}

impl<L: EventLoop, P: PluginSet> BuildScheduler for LoopScheduler<L, P> {
    type EventLoop = L;
    type Plugins = P;

    fn from_parts(event_loop: L, registry: Registry, clock: Arc<dyn Clock>) -> Self {
        let event_loop = Arc::new(event_loop);
        let scheduler = Scheduler::new(registry, clock, Arc::clone(&event_loop) as _);
        Self { scheduler, event_loop, plugins: PhantomData }
    }

    fn configure(&self, config: &Config) -> Result<()> {
        self.scheduler.configure(config)
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
