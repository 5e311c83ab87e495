#![doc = include_str!("../README.md")]

mod access;
mod claims;
mod connection;
mod failure;
mod ledger;
mod ledger_statements;
mod names;
mod open_runs;
mod options;
mod place;
mod read_only;
mod rows;
mod schema;
mod session;
mod statements;
mod store;
mod watch;

use std::sync::Arc;

use apscheduler_core::registry::Plugin;

pub use options::{SqliteOptions, Synchronous};
pub use store::SqliteJobStore;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::job_store("sqlite", &|options| {
    Ok(Arc::new(SqliteJobStore::with_options(SqliteOptions::parse(options)?)?))
})
.url_schemes(&["sqlite"])
.summary("keeps jobs in a file that processes may share, with SQLite")
.source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
