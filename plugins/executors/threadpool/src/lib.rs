//! Runs jobs in a pool of threads: the `default` executor of schedulers that name none.
//!
//! In a config: `{"type": "threadpool", "max_workers": 20}`. In a program:
//! ```
//! use apscheduler_engine::schedulers::BackgroundScheduler;
//! use apscheduler_testkit::TestPlugins;
//! use apscheduler_executor_threadpool::ThreadPoolExecutor;
//!
//! let scheduler: BackgroundScheduler<TestPlugins> = BackgroundScheduler::new();
//! scheduler.add_executor("default", ThreadPoolExecutor::new(20))?;
//! # Ok::<(), apscheduler_core::Error>(())
//! ```
//!
//! Runs that find no free worker wait in a queue. When that is full the scheduler leaves due jobs in their store, where
//! other processes find them, until half of the queue is worked off.

mod executor;
mod options;

use std::sync::Arc;

use apscheduler_core::registry::Plugin;

pub use executor::ThreadPoolExecutor;
pub use options::ThreadPoolOptions;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::executor("threadpool", &|options| {
    Ok(Arc::new(ThreadPoolExecutor::with_options(&ThreadPoolOptions::parse(options)?)))
})
.classes(&["apscheduler.executors.pool:ThreadPoolExecutor"])
.summary("runs jobs in a pool of threads")
.source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
