#![doc = include_str!("../README.md")]

mod heap;
mod ledger;
mod store;
mod table;

use std::sync::Arc;

use apscheduler_core::options::{self, NoOptions};
use apscheduler_core::registry::Plugin;

pub use store::MemoryJobStore;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::job_store("memory", &|given| {
    options::parse::<NoOptions>("job store `memory`", given)?;
    Ok(Arc::new(MemoryJobStore::new()))
})
.classes(&["apscheduler.jobstores.memory:MemoryJobStore"])
.summary("keeps jobs in memory; they end with the process")
.source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
