#![doc = include_str!("../README.md")]

mod runtime;

use std::sync::Arc;

use apscheduler_core::options;
use apscheduler_core::registry::Plugin;
use apscheduler_engine::LinkedPlugins;
use apscheduler_engine::schedulers::RuntimeScheduler;
use apscheduler_plugin_kit::executor::RuntimeExecutor;

pub use runtime::SmolRuntime;

/// A scheduler on smol.
pub type SmolScheduler<P = LinkedPlugins> = RuntimeScheduler<SmolRuntime, P>;

/// Runs async jobs as tasks of smol, and plain ones in the threads of `smol::unblock`.
pub type SmolExecutor = RuntimeExecutor<SmolRuntime>;

/// The descriptor of the scheduler.
pub static PLUGIN: Plugin = Plugin::scheduler("smol")
    .summary("runs as a task of smol")
    .source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

/// The descriptor of the executor. It has no options.
pub static EXECUTOR_PLUGIN: Plugin = Plugin::executor("smol", &|given| {
    options::parse::<NoOptions>("executor `smol`", given)?;
    Ok(Arc::new(SmolExecutor::new()))
})
.summary("runs async jobs as tasks of smol, and plain ones in threads")
.source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

#[derive(serde::Deserialize)]
struct NoOptions {}
