//! A scheduler in the thread that starts it.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use super::thread_loop::ThreadLoop;
use crate::Result;
use crate::config::Config;
use crate::engine::Scheduler;
use crate::registry::{CorePlugins, Plugin, PluginSet, Registry};
use crate::time::{Clock, SystemClock};

/// The descriptor of the blocking scheduler.
pub static BLOCKING_PLUGIN: Plugin = Plugin::scheduler("blocking")
    .classes(&["apscheduler.schedulers.blocking:BlockingScheduler"])
    .summary("runs in the thread that starts it")
    .source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

/// A scheduler in the thread that starts it: `start` returns when the scheduler has been shut down.
///
/// It derefs to [`Scheduler`], which has the methods to add jobs and the rest; clone that to shut it down from a job or
/// from another thread.
///
/// # Examples
/// ```
/// use apscheduler_core::function::JobContext;
/// use apscheduler_core::job::JobBuilder;
/// use apscheduler_core::schedulers::BlockingScheduler;
///
/// let scheduler: BlockingScheduler = BlockingScheduler::new();
/// scheduler.add_executor("debug", "default")?;
/// scheduler.add_job(JobBuilder::new(|context: &JobContext| {
///     context.scheduler().map(|scheduler| scheduler.shutdown(false).is_ok())
/// }))?;
/// scheduler.start()?;
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
pub struct BlockingScheduler<P: PluginSet = CorePlugins> {
    scheduler: Scheduler,
    event_loop: Arc<ThreadLoop>,
    plugins: PhantomData<fn() -> P>,
}

impl<P: PluginSet> BlockingScheduler<P> {
    /// A scheduler with the defaults.
    pub fn new() -> Self {
        Self::with_parts(P::registry(), Arc::new(SystemClock))
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
        let event_loop = Arc::new(ThreadLoop::default());
        let scheduler = Scheduler::new(registry, clock, "threadpool", Arc::clone(&event_loop) as _);
        Self { scheduler, event_loop, plugins: PhantomData }
    }

    /// Starts it, and returns when it has been shut down.
    ///
    /// # Errors
    /// As [`Scheduler::start_engine`].
    pub fn start(&self) -> Result<()> {
        self.launch(false)
    }

    /// Starts it without processing jobs until [`Scheduler::resume`], and returns when it has been shut down.
    ///
    /// # Errors
    /// As [`Scheduler::start_engine`].
    pub fn start_paused(&self) -> Result<()> {
        self.launch(true)
    }

    fn launch(&self, paused: bool) -> Result<()> {
        if !self.running() {
            self.event_loop.reset();
        }
        self.scheduler.start_engine(paused)?;
        self.event_loop.run(&self.scheduler);
        // Whoever shuts it down from another thread may still be waiting for jobs to end.
        self.scheduler.wait_until_stopped();
        Ok(())
    }
}

impl<P: PluginSet> Default for BlockingScheduler<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: PluginSet> Deref for BlockingScheduler<P> {
    type Target = Scheduler;

    fn deref(&self) -> &Scheduler {
        &self.scheduler
    }
}

impl<P: PluginSet> fmt::Debug for BlockingScheduler<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingScheduler").field("state", &self.state()).finish_non_exhaustive()
    }
}
