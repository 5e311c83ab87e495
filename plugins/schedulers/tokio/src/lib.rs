#![doc = include_str!("../README.md")]

use apscheduler_core::registry::Plugin;
use apscheduler_engine::LinkedPlugins;
use apscheduler_engine::schedulers::RuntimeScheduler;
pub use apscheduler_executor_tokio::TokioRuntime;

/// A scheduler on a tokio runtime.
pub type TokioScheduler<P = LinkedPlugins> = RuntimeScheduler<TokioRuntime, P>;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::scheduler("tokio")
    .aliases(&["asyncio", "tornado"])
    .classes(&[
        "apscheduler.schedulers.asyncio:AsyncIOScheduler",
        "apscheduler.schedulers.tornado:TornadoScheduler",
    ])
    .summary("runs as a task of a tokio runtime")
    .source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
