#![doc = include_str!("../README.md")]

mod executor;
mod handle;
mod options;
mod own_runtime;
mod runtime;

use std::sync::Arc;

use apscheduler_core::registry::Plugin;

pub use executor::TokioExecutor;
pub use handle::TokioRuntime;
pub use options::TokioOptions;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::executor("tokio", &|options| {
    Ok(Arc::new(TokioExecutor::with_options(&TokioOptions::parse(options)?)?))
})
.aliases(&["asyncio", "tornado"])
.classes(&[
    "apscheduler.executors.asyncio:AsyncIOExecutor",
    "apscheduler.executors.tornado:TornadoExecutor",
])
.summary("runs async jobs as tasks of a tokio runtime, and plain ones on its blocking pool")
.source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
