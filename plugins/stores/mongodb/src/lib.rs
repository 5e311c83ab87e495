#![doc = include_str!("../README.md")]

mod adding;
mod claims;
mod commands;
mod connection;
mod document;
mod doubt;
mod failure;
mod finding;
mod journal;
mod ledger;
mod names;
mod open_runs;
mod open_steps;
mod options;
mod owners;
mod removing;
mod runs;
mod schema;
mod store;
mod watch;

use std::sync::Arc;

use apscheduler_core::registry::Plugin;

pub use options::MongoDbOptions;
pub use store::MongoDbJobStore;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::job_store("mongodb", &|options| {
    Ok(Arc::new(MongoDbJobStore::with_options(MongoDbOptions::parse(options)?)?))
})
.classes(&["apscheduler.jobstores.mongodb:MongoDBJobStore"])
.url_schemes(&["mongodb", "mongodb+srv"])
.summary("keeps jobs in MongoDB; processes may share them")
.source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
