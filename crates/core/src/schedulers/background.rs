//! A scheduler in a thread of its own.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use super::thread_loop::ThreadLoop;
use crate::config::Config;
use crate::engine::Scheduler;
use crate::registry::{CorePlugins, Plugin, PluginSet, Registry};
use crate::time::{Clock, SystemClock};
use crate::{Error, ErrorKind, Result};

/// The descriptor of the background scheduler.
pub static BACKGROUND_PLUGIN: Plugin = Plugin::scheduler("background")
    .classes(&["apscheduler.schedulers.background:BackgroundScheduler"])
    .summary("runs in a thread of its own")
    .source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

/// A scheduler in a thread of its own: `start` returns at once. Dropping it stops it without waiting for running jobs.
///
/// It derefs to [`Scheduler`], which has the methods to add jobs and the rest; clone that to hand it around.
///
/// # Examples
/// ```
/// use apscheduler_core::job::JobBuilder;
/// use apscheduler_core::schedulers::BackgroundScheduler;
///
/// let scheduler: BackgroundScheduler = BackgroundScheduler::new();
/// scheduler.add_executor("debug", "default")?;
/// let (sender, receiver) = std::sync::mpsc::channel();
/// scheduler.add_job(JobBuilder::new(move || drop(sender.send("ran"))))?;
/// scheduler.start()?;
/// assert_eq!(receiver.recv(), Ok("ran"));
/// scheduler.shutdown(true)?;
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
pub struct BackgroundScheduler<P: PluginSet = CorePlugins> {
    scheduler: Scheduler,
    event_loop: Arc<ThreadLoop>,
    plugins: PhantomData<fn() -> P>,
}

impl<P: PluginSet> BackgroundScheduler<P> {
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

    /// Starts it.
    ///
    /// # Errors
    /// As [`Scheduler::start_engine`].
    pub fn start(&self) -> Result<()> {
        self.launch(false)
    }

    /// Starts it without processing jobs until [`Scheduler::resume`].
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
        let (event_loop, scheduler) = (Arc::clone(&self.event_loop), self.scheduler.clone());
        let thread = std::thread::Builder::new()
            .name("apscheduler".to_owned())
            .spawn(move || event_loop.run(&scheduler))
            .map_err(|error| {
                // Nothing processes jobs: better not started at all.
                let _ = self.scheduler.shutdown(false);
                Error::new(ErrorKind::Other, "can't start the thread of the scheduler")
                    .with_source(error)
            })?;
        self.event_loop.adopt(thread);
        Ok(())
    }
}

impl<P: PluginSet> Default for BackgroundScheduler<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: PluginSet> Deref for BackgroundScheduler<P> {
    type Target = Scheduler;

    fn deref(&self) -> &Scheduler {
        &self.scheduler
    }
}

impl<P: PluginSet> Drop for BackgroundScheduler<P> {
    fn drop(&mut self) {
        // Not running is fine.
        let _ = self.scheduler.shutdown(false);
    }
}

impl<P: PluginSet> fmt::Debug for BackgroundScheduler<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackgroundScheduler").field("state", &self.state()).finish_non_exhaustive()
    }
}
