//! Builds schedulers.

use std::fmt;
use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::config::Config;
use apscheduler_core::job::JobDefaults;
use apscheduler_core::registry::{IntoExecutor, IntoJobStore, PluginSet, Registry};
use apscheduler_core::time::{Clock, SystemClock, Zone};

use crate::engine::EventLoop;

/// A scheduler type that a [`SchedulerBuilder`] can build.
pub trait BuildScheduler: Sized {
    /// The event loop that the scheduler runs on.
    type EventLoop: EventLoop;
    /// The plugins of the scheduler, unless its builder is given a registry.
    type Plugins: PluginSet;

    /// Returns a scheduler with these parts.
    fn from_parts(event_loop: Self::EventLoop, registry: Registry, clock: Arc<dyn Clock>) -> Self;

    /// Applies a configuration.
    ///
    /// # Errors
    /// Same as [`Scheduler::configure`](crate::Scheduler::configure).
    fn configure(&self, config: &Config) -> Result<()>;
}

/// Builds a scheduler of type `S`.
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
pub struct SchedulerBuilder<S: BuildScheduler> {
    event_loop: S::EventLoop,
    registry: Option<Registry>,
    clock: Option<Arc<dyn Clock>>,
    config: Config,
}

impl<S: BuildScheduler> SchedulerBuilder<S> {
    /// Returns a builder of a scheduler on this event loop.
    pub fn new(event_loop: S::EventLoop) -> Self {
        Self { event_loop, registry: None, clock: None, config: Config::new() }
    }

    /// Runs the scheduler on this event loop.
    pub fn event_loop(mut self, event_loop: S::EventLoop) -> Self {
        self.event_loop = event_loop;
        self
    }

    /// Looks names up in this registry. Default: the plugins of the
    /// scheduler type.
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
        let registry = self.registry.unwrap_or_else(S::Plugins::registry);
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock));
        let scheduler = S::from_parts(self.event_loop, registry, clock);
        if !self.config.is_empty() {
            scheduler.configure(&self.config)?;
        }
        Ok(scheduler)
    }
}

impl<S: BuildScheduler> fmt::Debug for SchedulerBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchedulerBuilder")
            .field("event_loop", &self.event_loop)
            .finish_non_exhaustive()
    }
}
