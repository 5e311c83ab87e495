//! What schedulers and executors do with an executor of smol.

use std::cell::RefCell;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::executor::{Executor, Runtime};
use smol::Timer;

use crate::executor::SmolExecutor;
use crate::handle::SmolRuntime;

thread_local! {
    /// The runtime whose blocking call this thread makes: smol has no current runtime of its own.
    static CALLER: RefCell<Option<SmolRuntime>> = const { RefCell::new(None) };
}

/// Sets the caller of this thread until it is dropped.
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

    fn executor(runtime: Option<Self>) -> Arc<dyn Executor> {
        let executor = SmolExecutor::new();
        Arc::new(match runtime {
            Some(runtime) => executor.on(runtime),
            None => executor,
        })
    }

    /// Returns the runtime whose blocking call this is made in, or else the global one.
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
