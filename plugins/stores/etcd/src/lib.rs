#![doc = include_str!("../README.md")]

mod access;
mod adding;
mod appending;
mod claims;
mod connection;
mod endpoints;
mod failure;
mod floor;
mod journal;
mod keys;
mod ledger;
mod leftovers;
mod names;
mod new_jobs;
mod old_records;
mod open_rows;
mod open_runs;
mod options;
mod owners;
mod pruning;
mod records;
mod runs;
mod schema;
mod snapshot;
mod staging;
mod store;
#[cfg(feature = "tls")]
mod tls;
mod transaction;
mod watch;

use std::sync::Arc;

use apscheduler_core::registry::Plugin;

pub use options::EtcdOptions;
pub use store::EtcdJobStore;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::job_store("etcd", &|options| {
    Ok(Arc::new(EtcdJobStore::with_options(EtcdOptions::parse(options)?)?))
})
.classes(&["apscheduler.jobstores.etcd:EtcdJobStore"])
.summary("keeps jobs in etcd; processes may share them")
.source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
