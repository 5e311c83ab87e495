//! Builds schedulers.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::config::Config;
use apscheduler_core::executor::Runtime;
use apscheduler_core::job::JobDefaults;
use apscheduler_core::registry::{IntoExecutor, IntoJobStore, PluginSet, Registry};
use apscheduler_core::time::{Clock, SystemClock, Zone};

use super::{LoopScheduler, RuntimeLoop, RuntimeScheduler};
use crate::engine::EventLoop;

/// Builds a scheduler of type `S` on the event loop `L`, with the plugins of `P`.
///
/// # Examples
/// ```
/// use apscheduler::prelude::*;
///
/// let scheduler = BackgroundScheduler::builder()
///     .timezone(Zone::UTC)
///     .jobstore("default", MemoryJobStore::new())
///     .executor("default", "threadpool")
///     .build()?;
/// # drop(scheduler);
/// # Ok::<(), apscheduler::Error>(())
/// ```
#[must_use = "call `build` for the scheduler"]
pub struct SchedulerBuilder<L: EventLoop, P: PluginSet, S = LoopScheduler<L, P>> {
    event_loop: L,
    registry: Option<Registry>,
    clock: Option<Arc<dyn Clock>>,
    config: Config,
    scheduler: PhantomData<fn() -> (P, S)>,
}

impl<L, P, S> SchedulerBuilder<L, P, S>
where
    L: EventLoop,
    P: PluginSet,
    S: From<LoopScheduler<L, P>>,
{
    pub(super) fn new(event_loop: L) -> Self {
        Self {
            event_loop,
            registry: None,
            clock: None,
            config: Config::new(),
            scheduler: PhantomData,
        }
    }

    /// Runs the scheduler on this event loop.
    pub fn event_loop(mut self, event_loop: L) -> Self {
        self.event_loop = event_loop;
        self
    }

    /// Looks names up in this registry. Default: the plugins of `P`.
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// Reads the time from this clock. Default: the system clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Applies this configuration, in place of all earlier settings.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Sets the default zone of triggers and text dates. Default: the machine's zone.
    pub fn timezone(mut self, zone: impl Into<Zone>) -> Self {
        self.config = self.config.timezone(zone);
        self
    }

    /// Sets the defaults for options that a job does not set.
    pub fn job_defaults(mut self, defaults: JobDefaults) -> Self {
        self.config = self.config.job_defaults(defaults);
        self
    }

    /// Adds a job store: an object, a plugin name, or a
    /// [`ComponentConfig`](apscheduler_core::registry::ComponentConfig).
    pub fn jobstore(mut self, alias: &str, jobstore: impl IntoJobStore) -> Self {
        self.config = self.config.jobstore(alias, jobstore);
        self
    }

    /// Adds an executor: an object, a plugin name, or a
    /// [`ComponentConfig`](apscheduler_core::registry::ComponentConfig).
    pub fn executor(mut self, alias: &str, executor: impl IntoExecutor) -> Self {
        self.config = self.config.executor(alias, executor);
        self
    }

    /// Builds the scheduler.
    ///
    /// # Errors
    /// Same as [`Scheduler::configure`](crate::Scheduler::configure).
    pub fn build(self) -> Result<S> {
        let registry = self.registry.unwrap_or_else(P::registry);
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock));
        let scheduler = LoopScheduler::from_parts(self.event_loop, registry, clock);
        if !self.config.is_empty() {
            scheduler.configure(&self.config)?;
        }
        Ok(S::from(scheduler))
    }
}

impl<R: Runtime, P: PluginSet> SchedulerBuilder<RuntimeLoop<R>, P, RuntimeScheduler<R, P>> {
    /// Runs the scheduler on this runtime. Default: the runtime in whose context it is started.
    pub fn runtime(self, runtime: R) -> Self {
        self.event_loop(RuntimeLoop::on(runtime))
    }
}

impl<L: EventLoop, P: PluginSet, S> fmt::Debug for SchedulerBuilder<L, P, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchedulerBuilder")
            .field("event_loop", &self.event_loop)
            .finish_non_exhaustive()
    }
}
