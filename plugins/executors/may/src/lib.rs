#![doc = include_str!("../README.md")]

mod block_on;
mod executor;
mod options;
mod shared;
mod spawn;
mod worker;

use std::sync::Arc;

use apscheduler_core::registry::Plugin;

pub use executor::MayExecutor;
pub use options::MayOptions;
#[doc(hidden)]
pub use spawn::spawn;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::executor("may", &|options| {
    Ok(Arc::new(MayExecutor::with_options(&MayOptions::parse(options)?)?))
})
.aliases(&["gevent"])
.classes(&["apscheduler.executors.gevent:GeventExecutor"])
.summary("runs jobs as stackful coroutines of may")
.source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
