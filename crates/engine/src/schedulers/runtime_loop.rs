//! An event loop that is a task of an async runtime.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use crate::engine::{BlockingCall, EventLoop, LoopDriver, in_thread};
use apscheduler_core::Result;
use apscheduler_core::executor::{Executor, Runtime, ThreadScope};
use apscheduler_core::options::Options;
use apscheduler_core::registry::{PluginKind, Registry};

/// A loop that is a task of an async runtime: the given one, or the one in whose context the
/// scheduler is started.
#[derive(Debug)]
pub struct RuntimeLoop<R> {
    given: Option<R>,
    /// The runtime on which the scheduler was started.
    found: Mutex<Option<Arc<R>>>,
}

/// Wakes the task.
#[derive(Debug, Default)]
struct WakeSignal(Mutex<WakeState>);

#[derive(Debug, Default)]
struct WakeState {
    rung: bool,
    waker: Option<Waker>,
}

impl<R: Runtime> RuntimeLoop<R> {
    /// Returns a loop on this runtime.
    pub fn on(runtime: R) -> Self {
        Self { given: Some(runtime), ..Self::default() }
    }

    /// Returns the given runtime, or else the caller's, or else the one of the last start.
    ///
    /// # Errors
    /// Same as [`Runtime::current`].
    pub fn runtime(&self) -> Result<R> {
        self.here().or_else(|error| {
            // It is foreign, so the returned clone is made without the lock.
            let found = self.found().clone();
            found.map(|runtime| R::clone(&runtime)).ok_or(error)
        })
    }

    /// Returns the runtime of a scheduler started by the caller.
    pub(super) fn here(&self) -> Result<R> {
        self.given.clone().map_or_else(R::current, Ok)
    }

    fn found(&self) -> MutexGuard<'_, Option<Arc<R>>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R> Default for RuntimeLoop<R> {
    fn default() -> Self {
        Self { given: None, found: Mutex::new(None) }
    }
}

impl WakeSignal {
    fn rung(&self) -> MutexGuard<'_, WakeState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        let waker = {
            let mut rung = self.rung();
            rung.rung = true;
            rung.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Completes when the sleep does, or if the alarm has rung since the last call.
    async fn or(&self, sleep: impl Future<Output = ()>) {
        let mut sleep = pin!(sleep);
        poll_fn(|context| {
            // Wakers are foreign, so they are cloned and dropped without the lock.
            let waker = context.waker().clone();
            let mut rung = self.rung();
            if std::mem::take(&mut rung.rung) {
                return Poll::Ready(());
            }
            let before = rung.waker.replace(waker);
            drop(rung);
            drop(before);
            sleep.as_mut().poll(context)
        })
        .await;
    }
}

fn make_turn(driver: &LoopDriver) -> Option<Duration> {
    let _turn = ThreadScope::enter_turn();
    driver.turn()
}

async fn make_turns<R: Runtime>(runtime: R, driver: LoopDriver) {
    let alarm = Arc::new(WakeSignal::default());
    let ringer = Arc::clone(&alarm);
    driver.on_wake(move || ringer.wake());
    while let Some(time) = make_turn(&driver) {
        if time == Duration::ZERO {
            runtime.yield_now().await;
        } else {
            alarm.or(runtime.sleep(time)).await;
        }
    }
}

impl<R: Runtime> EventLoop for RuntimeLoop<R> {
    fn attach(&self) -> Result<()> {
        let runtime = self.here()?;
        runtime.check()?;
        let before = self.found().replace(Arc::new(runtime));
        drop(before);
        Ok(())
    }

    fn run(&self, driver: LoopDriver) -> Result<()> {
        let runtime = self.runtime()?;
        runtime.clone().spawn(make_turns(runtime, driver));
        Ok(())
    }

    fn default_executor(&self, registry: &Registry) -> Result<Arc<dyn Executor>> {
        match registry.find(PluginKind::Executor, R::EXECUTOR) {
            Ok(plugin) => plugin.build_executor(&Options::new()),
            // Another start may find another runtime.
            Err(_) => Ok(R::executor(self.given.clone())),
        }
    }

    fn call_blocking(&self, call: BlockingCall) {
        match self.runtime() {
            Ok(runtime) => runtime.spawn_blocking(call),
            // Jobs may be added outside of a runtime.
            Err(_) => in_thread(call),
        }
    }
}
