#![doc = include_str!("../README.md")]

mod access;
mod answer;
mod claim_script;
mod connection;
mod journal;
mod keys;
mod ledger;
mod ledger_script;
mod ledger_text;
mod names;
mod open_runs;
mod open_script;
mod options;
mod read_only;
mod runs;
mod script;
mod store;
mod text;
mod watch;

use std::sync::Arc;

use apscheduler_core::registry::Plugin;

pub use options::RedisOptions;
pub use store::RedisJobStore;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::job_store("redis", &|options| {
    Ok(Arc::new(RedisJobStore::with_options(RedisOptions::parse(options)?)?))
})
.classes(&["apscheduler.jobstores.redis:RedisJobStore"])
.url_schemes(&["redis", "rediss"])
.summary("keeps jobs in Redis; processes may share them")
.source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
