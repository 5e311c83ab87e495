#![doc = include_str!("../README.md")]

mod address;
mod claims;
mod connection;
mod failure;
mod ledger;
mod names;
mod open_runs;
mod options;
mod pool;
mod rows;
mod run_records;
mod schema;
mod session;
mod store;
#[cfg(feature = "tls")]
mod tls;
mod watch;

use std::sync::Arc;

use apscheduler_core::registry::Plugin;

pub use options::PostgresOptions;
pub use store::PostgresJobStore;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::job_store("postgres", &|given| {
    Ok(Arc::new(PostgresJobStore::with_options(names::RULES.parse(given)?)?))
})
.aliases(&["postgresql"])
.url_schemes(&["postgresql", "postgres"])
.summary("keeps jobs in PostgreSQL, shared by any number of schedulers")
.source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
