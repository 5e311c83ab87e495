#![doc = include_str!("../README.md")]

mod address;
mod changes;
mod claims;
mod connection;
mod dialect;
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
mod sockets;
mod statements;
mod store;
mod watch;

use std::sync::Arc;

use apscheduler_core::registry::Plugin;

pub use options::MySqlOptions;
pub use store::MySqlJobStore;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::job_store("mysql", &|given| {
    Ok(Arc::new(MySqlJobStore::with_options(names::RULES.parse(given)?)?))
})
.aliases(&["mariadb"])
.url_schemes(&["mysql", "mariadb"])
.summary("keeps jobs in MySQL or MariaDB, shared by any number of schedulers")
.source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
