#![doc = include_str!("../README.md")]

mod argument;
mod executor;
#[cfg(unix)]
mod frames;
#[cfg(unix)]
mod hurry;
#[cfg(unix)]
mod leader;
#[cfg(unix)]
mod message;
mod options;
#[cfg(unix)]
mod parent;
#[cfg(unix)]
mod process;
#[cfg(unix)]
mod recall;
#[cfg(unix)]
mod service;
#[cfg(not(unix))]
#[path = "service_other.rs"]
mod service;
#[cfg(unix)]
mod serving;
#[cfg(unix)]
mod starting;
#[cfg(unix)]
mod stop;
mod variables;
#[cfg(unix)]
mod wait;
pub mod worker;

use std::sync::Arc;

use apscheduler_core::registry::Plugin;

pub use executor::ProcessPoolExecutor;
pub use options::ProcessPoolOptions;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::executor("processpool", &|options| {
    Ok(Arc::new(ProcessPoolExecutor::with_options(&ProcessPoolOptions::parse(options)?)?))
})
.classes(&["apscheduler.executors.pool:ProcessPoolExecutor"])
.summary("runs jobs in worker processes")
.source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
