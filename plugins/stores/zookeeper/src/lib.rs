#![doc = include_str!("../README.md")]

mod access;
mod adding;
mod address;
mod appending;
mod at_once;
mod buckets;
mod claims;
mod connection;
mod entry;
mod failure;
mod finding;
mod in_steps;
mod jobs;
mod journal;
mod latest;
mod ledger;
mod names;
mod nodes;
mod open_rows;
mod open_runs;
mod options;
mod owners;
mod pruning;
mod records;
mod runs;
mod schema;
mod session;
mod store;
mod transaction;
mod unfinished;
mod watch;
mod writing;

use std::sync::Arc;

use apscheduler_core::registry::Plugin;

pub use options::ZooKeeperOptions;
pub use store::ZooKeeperJobStore;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::job_store("zookeeper", &|options| {
    Ok(Arc::new(ZooKeeperJobStore::with_options(ZooKeeperOptions::parse(options)?)?))
})
.classes(&["apscheduler.jobstores.zookeeper:ZooKeeperJobStore"])
.url_schemes(&["zookeeper"])
.summary("keeps jobs in ZooKeeper; processes may share them")
.source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
