#![doc = include_str!("../README.md")]

mod adding;
mod claims;
mod client;
mod connection;
mod document;
mod doubt;
mod failure;
mod finding;
mod indexes;
mod interruption;
mod journal;
mod keys;
mod ledger;
mod names;
mod open_rows;
mod open_runs;
mod open_steps;
mod options;
mod owners;
mod pruning;
mod removing;
mod runs;
mod schema;
mod store;
mod watch;
mod writes;

use std::sync::Arc;

use apscheduler_core::registry::Plugin;

pub use options::{RethinkDbOptions, RethinkDbTls};
pub use store::RethinkDbJobStore;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::job_store("rethinkdb", &|options| {
    Ok(Arc::new(RethinkDbJobStore::with_options(RethinkDbOptions::parse(options)?)?))
})
.classes(&["apscheduler.jobstores.rethinkdb:RethinkDBJobStore"])
.url_schemes(&["rethinkdb"])
.summary("keeps jobs in RethinkDB; processes may share them")
.source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
