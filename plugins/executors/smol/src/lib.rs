#![doc = include_str!("../README.md")]

mod executor;
mod handle;
mod options;
mod runtime;

use std::sync::Arc;

use apscheduler_core::registry::Plugin;

pub use executor::SmolExecutor;
pub use handle::SmolRuntime;
pub use options::SmolOptions;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::executor("smol", &|options| {
    Ok(Arc::new(SmolExecutor::with_options(&SmolOptions::parse(options)?)?))
})
.summary("runs async jobs as tasks of smol, and plain ones in threads")
.source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
