//! Tokio, as a scheduler needs it.

use std::future::Future;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::executor::{Executor, Runtime};
use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_plugin_kit::executor::RuntimeExecutor;
use tokio::runtime::Handle;

/// A tokio runtime.
#[derive(Clone, Debug)]
pub struct TokioRuntime(Handle);

impl From<Handle> for TokioRuntime {
    fn from(handle: Handle) -> Self {
        Self(handle)
    }
}

impl Runtime for TokioRuntime {
    const EXECUTOR: &'static str = "tokio";

    fn executor(runtime: Option<Self>) -> Arc<dyn Executor> {
        Arc::new(runtime.map_or_else(RuntimeExecutor::new, RuntimeExecutor::on))
    }

    fn current() -> Result<Self> {
        let handle = Handle::try_current().map_err(|error| {
            Error::new(
                ErrorKind::Other,
                "there is no tokio runtime here: start the scheduler in an async function of one (`#[tokio::main]`), \
                 or make it with `TokioScheduler::on` and a handle",
            )
            .with_source(error)
        })?;
        let runtime = Self(handle);
        runtime.check()?;
        Ok(runtime)
    }

    fn check(&self) -> Result<()> {
        // There is no way to ask. A sleep is refused when it is made.
        let _context = self.0.enter();
        catch_unwind(|| drop(tokio::time::sleep(Duration::ZERO))).map_err(|_panic| {
            Error::new(
                ErrorKind::Other,
                "the tokio runtime has no timers: build it with `enable_time` or `enable_all`",
            )
        })
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(task);
    }

    fn spawn_blocking(&self, call: impl FnOnce() + Send + 'static) {
        self.0.spawn_blocking(call);
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    async fn yield_now(&self) {
        tokio::task::yield_now().await;
    }
}
