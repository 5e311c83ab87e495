#![doc = include_str!("../README.md")]

mod executor;
mod options;

use std::sync::Arc;

use apscheduler_core::registry::Plugin;

pub use executor::ThreadPoolExecutor;
pub use options::ThreadPoolOptions;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::executor("threadpool", &|options| {
    Ok(Arc::new(ThreadPoolExecutor::with_options(&ThreadPoolOptions::parse(options)?)?))
})
.classes(&["apscheduler.executors.pool:ThreadPoolExecutor"])
.summary("runs jobs in a pool of threads")
.source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
