//! Smol, as a scheduler needs it.

use std::cell::RefCell;
use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::executor::{Executor as JobExecutor, Runtime};
use apscheduler_plugin_kit::executor::RuntimeExecutor;
use smol::{Executor, Timer};

thread_local! {
    /// The runtime that makes a blocking call in this thread.
    static CALLER: RefCell<Option<SmolRuntime>> = const { RefCell::new(None) };
}

/// The global executor of smol, or one of the program's own.
#[derive(Clone, Debug, Default)]
pub struct SmolRuntime {
    /// Weak, since its tasks hold this: with the program's own handles, it ends, and they with it.
    own: Option<Weak<Executor<'static>>>,
}

impl SmolRuntime {
    /// The global executor, that of [`smol::spawn`].
    pub fn global() -> Self {
        Self::default()
    }

    /// An executor of the program's own, which the program runs, and ends by dropping it.
    pub fn on(executor: &Arc<Executor<'static>>) -> Self {
        Self { own: Some(Arc::downgrade(executor)) }
    }
}

/// Notes the caller until it is dropped.
struct Called(Option<SmolRuntime>);

impl Called {
    fn by(runtime: SmolRuntime) -> Self {
        Self(CALLER.replace(Some(runtime)))
    }
}

impl Drop for Called {
    fn drop(&mut self) {
        CALLER.set(self.0.take());
    }
}

impl Runtime for SmolRuntime {
    const EXECUTOR: &'static str = "smol";

    /// The one that makes this call, or the global one.
    fn executor(runtime: Option<Self>) -> Arc<dyn JobExecutor> {
        Arc::new(runtime.map_or_else(RuntimeExecutor::new, RuntimeExecutor::on))
    }

    fn current() -> Result<Self> {
        Ok(CALLER.with_borrow(Clone::clone).unwrap_or_default())
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        match &self.own {
            None => smol::spawn(task).detach(),
            Some(own) => {
                if let Some(executor) = own.upgrade() {
                    executor.spawn(task).detach();
                }
            }
        }
    }

    fn spawn_blocking(&self, call: impl FnOnce() + Send + 'static) {
        if self.own.as_ref().is_some_and(|own| own.strong_count() == 0) {
            return;
        }
        let runtime = self.clone();
        let call = smol::unblock(move || {
            let _called = Called::by(runtime);
            call();
        });
        call.detach();
    }

    async fn sleep(&self, time: Duration) {
        Timer::after(time).await;
    }

    async fn yield_now(&self) {
        smol::future::yield_now().await;
    }
}
