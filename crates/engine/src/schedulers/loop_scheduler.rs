//! What all scheduler types are: a scheduler on an event loop, and the one who owns it.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use crate::engine::{EventLoop, Scheduler};
use crate::plugins::LinkedPlugins;
use apscheduler_core::Result;
use apscheduler_core::config::Config;
use apscheduler_core::registry::{PluginSet, Registry};
use apscheduler_core::time::{Clock, SystemClock};

/// A scheduler on an event loop, with the plugins of `P`. Dropping it shuts it down without waiting for running jobs.
///
/// It derefs to [`Scheduler`], which has the methods to add jobs and the rest; clone that to hand it around. Programs
/// know it by the name of a loop: [`BackgroundScheduler`](super::BackgroundScheduler) and its like.
pub struct LoopScheduler<L: EventLoop, P: PluginSet = LinkedPlugins> {
    scheduler: Scheduler,
    event_loop: Arc<L>,
    plugins: PhantomData<fn() -> P>,
}

impl<L: EventLoop + Default, P: PluginSet> LoopScheduler<L, P> {
    /// A scheduler with the defaults.
    pub fn new() -> Self {
        Self::on(L::default())
    }

    /// A scheduler with this configuration.
    ///
    /// # Errors
    /// As [`Scheduler::configure`].
    pub fn with_config(config: &Config) -> Result<Self> {
        let scheduler = Self::new();
        scheduler.configure(config)?;
        Ok(scheduler)
    }

    /// A scheduler with a registry and a clock of your own.
    pub fn with_parts(registry: Registry, clock: Arc<dyn Clock>) -> Self {
        Self::on_with_parts(L::default(), registry, clock)
    }
}

impl<L: EventLoop, P: PluginSet> LoopScheduler<L, P> {
    /// A scheduler on this loop, with the defaults.
    pub fn on(event_loop: L) -> Self {
        Self::on_with_parts(event_loop, P::registry(), Arc::new(SystemClock))
    }

    /// A scheduler on this loop, with a registry and a clock of your own.
    pub fn on_with_parts(event_loop: L, registry: Registry, clock: Arc<dyn Clock>) -> Self {
        let event_loop = Arc::new(event_loop);
        let scheduler = Scheduler::new(registry, clock, Arc::clone(&event_loop) as _);
        Self { scheduler, event_loop, plugins: PhantomData }
    }

    /// Starts it. Whether this returns at once or when the scheduler has been shut down is for the loop to say.
    ///
    /// It waits for stores to connect: where that must not hold up the caller, there is
    /// [`Scheduler::call`] with [`Scheduler::start_engine`].
    ///
    /// # Errors
    /// As [`Scheduler::start_engine`].
    pub fn start(&self) -> Result<()> {
        self.scheduler.start_engine(false)
    }

    /// Starts it without processing jobs until [`Scheduler::resume`].
    ///
    /// # Errors
    /// As [`Scheduler::start_engine`].
    pub fn start_paused(&self) -> Result<()> {
        self.scheduler.start_engine(true)
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
