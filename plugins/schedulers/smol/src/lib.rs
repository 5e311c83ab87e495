#![doc = include_str!("../README.md")]

use apscheduler_core::registry::Plugin;
use apscheduler_engine::LinkedPlugins;
use apscheduler_engine::schedulers::RuntimeScheduler;
pub use apscheduler_executor_smol::SmolRuntime;

/// A scheduler on smol.
pub type SmolScheduler<P = LinkedPlugins> = RuntimeScheduler<SmolRuntime, P>;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::scheduler("smol")
    .summary("runs as a task of smol")
    .source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
