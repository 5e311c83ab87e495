#![doc = include_str!("../README.md")]

mod executor;

use std::sync::Arc;

use apscheduler_core::options::{self, NoOptions};
use apscheduler_core::registry::Plugin;

pub use executor::LoopExecutor;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::executor("loop", &|given| {
    options::parse::<NoOptions>("executor `loop`", given)?;
    Ok(Arc::new(LoopExecutor::new()))
})
.summary("runs jobs on the thread of the scheduler's event loop")
.source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
