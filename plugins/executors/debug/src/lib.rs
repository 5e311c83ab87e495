#![doc = include_str!("../README.md")]

mod executor;

use std::sync::Arc;

use apscheduler_core::options::{self, NoOptions};
use apscheduler_core::registry::Plugin;

pub use executor::DebugExecutor;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::executor("debug", &|given| {
    options::parse::<NoOptions>("executor `debug`", given)?;
    Ok(Arc::new(DebugExecutor::new()))
})
.classes(&["apscheduler.executors.debug:DebugExecutor"])
.summary("runs jobs on the thread that processes due jobs")
.source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
