//! The event loop: a coroutine.

use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::executor::Executor;
use apscheduler_core::options::Options;
use apscheduler_core::registry::{PluginKind, Registry};
use apscheduler_engine::{EventLoop, LoopDriver};
use apscheduler_executor_may::{MayExecutor, spawn};
use apscheduler_plugin_kit::executor::Timer;

use crate::alarm::Alarm;

/// The size of the loop's stack in bytes. Listeners and some jobs are called on it.
const STACK_SIZE: usize = 2 * 1024 * 1024;

/// A loop that is a coroutine of its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct MayLoop;

#[expect(clippy::needless_pass_by_value, reason = "dropping the driver ends its scheduler")]
fn make_turns(driver: LoopDriver) {
    let alarm = Alarm::new();
    let bell = alarm.bell();
    driver.on_wake(move || bell.ring());
    loop {
        let thread = std::thread::current().id();
        let turn = driver.turn();
        if std::thread::current().id() != thread {
            tracing::warn!(
                "a listener, or a job of an executor `loop` or `debug`, has made the scheduler's coroutine wait within a turn"
            );
        }
        match turn {
            Some(time) => alarm.wait(time),
            None => return,
        }
    }
}

impl EventLoop for MayLoop {
    fn run(&self, driver: LoopDriver) -> Result<()> {
        Timer::prepare()?;
        spawn("apscheduler", STACK_SIZE, move || make_turns(driver))
    }

    fn default_executor(&self, registry: &Registry) -> Result<Arc<dyn Executor>> {
        match registry.find(PluginKind::Executor, apscheduler_executor_may::PLUGIN.name()) {
            Ok(plugin) => plugin.build_executor(&Options::new()),
            Err(_) => Ok(Arc::new(MayExecutor::default())),
        }
    }
}
