//! A scheduler that is a task of an async runtime.

use std::fmt;
use std::future::{Future, poll_fn};
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use super::async_scheduler::AsyncScheduler;
use super::builder::{BuildScheduler, SchedulerBuilder};
use super::loop_scheduler::LoopScheduler;
use super::runtime_loop::RuntimeLoop;
use crate::engine::ListenerId;
use crate::linked_plugins::LinkedPlugins;
use apscheduler_core::Result;
use apscheduler_core::config::Config;
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::executor::Runtime;
use apscheduler_core::function::JobError;
use apscheduler_core::registry::{PluginSet, Registry};
use apscheduler_core::time::Clock;

/// A scheduler that is a task of an async runtime, with the plugins of `P`. Dropping it shuts it
/// down without waiting for running jobs.
///
/// It derefs to [`AsyncScheduler`], which has the methods to add jobs and all others;
/// [`handle`](AsyncScheduler::handle) returns a handle to share. Programs use it through an alias
/// for a specific runtime, such as `TokioScheduler`.
pub struct RuntimeScheduler<R: Runtime, P: PluginSet = LinkedPlugins> {
    owner: LoopScheduler<RuntimeLoop<R>, P>,
    handle: AsyncScheduler,
}

impl<R: Runtime, P: PluginSet> RuntimeScheduler<R, P> {
    /// Returns a scheduler with the defaults, on the runtime in whose context it is started.
    pub fn new() -> Self {
        Self::from(LoopScheduler::new())
    }

    /// Returns a builder, which sets the scheduler's runtime, configuration, registry and clock.
    pub fn builder() -> SchedulerBuilder<Self> {
        SchedulerBuilder::new(RuntimeLoop::default())
    }

    /// Starts the scheduler. The start continues if the future is dropped after it was polled.
    ///
    /// # Errors
    /// Same as [`LoopScheduler::start`]; outside of a runtime, an error that says how to provide
    /// one.
    pub fn start(&self) -> impl Future<Output = Result<()>> + Send + use<R, P> {
        self.launch(false)
    }

    /// Starts the scheduler without processing jobs until it is
    /// [resumed](crate::Scheduler::resume).
    ///
    /// # Errors
    /// Same as [`start`](Self::start).
    pub fn start_paused(&self) -> impl Future<Output = Result<()>> + Send + use<R, P> {
        self.launch(true)
    }

    fn launch(&self, paused: bool) -> impl Future<Output = Result<()>> + Send + use<R, P> {
        let (event_loop, scheduler) = (self.owner.shared_loop(), self.owner.handle());
        async move {
            // The call below runs wherever it can, so the check for a runtime comes first.
            event_loop.here()?;
            scheduler.call(move |scheduler| scheduler.start(paused)).await
        }
    }

    /// Awaits `callback` for every event in `mask`, one after the other, in a task of the runtime.
    /// Events that a slow callback has not handled yet are queued.
    ///
    /// # Errors
    /// Fails if there is no runtime: the scheduler has not been started yet, and this is called
    /// outside of one.
    ///
    /// # Examples
    /// ```ignore
    /// scheduler.add_async_listener(EventMask::JOB_ERROR, |event| async move { report(event).await })?;
    /// ```
    pub fn add_async_listener<F>(
        &self,
        mask: EventMask,
        callback: impl Fn(Event) -> F + Send + Sync + 'static,
    ) -> Result<ListenerId>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let runtime = self.owner.event_loop().runtime()?;
        let mut events = self.handle.events(mask);
        let listener = events.listener();
        runtime.spawn(async move {
            while let Some(event) = events.next().await {
                let name = event.name();
                if let Err(panic) = contained(|| callback(event)).await {
                    tracing::error!("an async listener for {name} {panic}");
                }
            }
        });
        Ok(listener)
    }
}

/// Catches panics, so that they do not end the task.
async fn contained<F: Future<Output = ()>>(make: impl FnOnce() -> F) -> Result<(), JobError> {
    let panicked = |payload: Box<dyn std::any::Any + Send>| JobError::from_panic(&*payload);
    let mut future = pin!(catch_unwind(AssertUnwindSafe(make)).map_err(panicked)?);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(poll) => poll.map(Ok),
        Err(payload) => Poll::Ready(Err(panicked(payload))),
    })
    .await
}

impl<R: Runtime, P: PluginSet> From<LoopScheduler<RuntimeLoop<R>, P>> for RuntimeScheduler<R, P> {
    fn from(owner: LoopScheduler<RuntimeLoop<R>, P>) -> Self {
        let handle = AsyncScheduler::from(owner.handle());
        Self { owner, handle }
    }
}

impl<R: Runtime, P: PluginSet> BuildScheduler for RuntimeScheduler<R, P> {
    type EventLoop = RuntimeLoop<R>;
    type Plugins = P;

    fn from_parts(event_loop: RuntimeLoop<R>, registry: Registry, clock: Arc<dyn Clock>) -> Self {
        Self::from(LoopScheduler::from_parts(event_loop, registry, clock))
    }

    fn configure(&self, config: &Config) -> Result<()> {
        self.owner.configure(config)
    }
}

impl<R: Runtime, P: PluginSet> SchedulerBuilder<RuntimeScheduler<R, P>> {
    /// Runs the scheduler on this runtime. Default: the runtime in whose context it is started.
    pub fn runtime(self, runtime: R) -> Self {
        self.event_loop(RuntimeLoop::on(runtime))
    }
}

impl<R: Runtime, P: PluginSet> Default for RuntimeScheduler<R, P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R: Runtime, P: PluginSet> Deref for RuntimeScheduler<R, P> {
    type Target = AsyncScheduler;

    fn deref(&self) -> &AsyncScheduler {
        &self.handle
    }
}

impl<R: Runtime, P: PluginSet> fmt::Debug for RuntimeScheduler<R, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeScheduler")
            .field("event_loop", self.owner.event_loop())
            .field("state", &self.handle.state())
            .finish_non_exhaustive()
    }
}
