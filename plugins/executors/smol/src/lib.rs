//! Runs jobs on smol: async functions as tasks, plain ones in the threads of `smol::unblock`.
//!
//! In a config: `{"type": "smol"}`. In a program:
//! ```
//! use std::time::Duration;
//! use apscheduler_core::job::JobBuilder;
//! use apscheduler_engine::schedulers::BackgroundScheduler;
//! use apscheduler_executor_smol::SmolExecutor;
//! use apscheduler_testkit::TestPlugins;
//!
//! let scheduler: BackgroundScheduler<TestPlugins> = BackgroundScheduler::new();
//! scheduler.add_executor("default", SmolExecutor::new())?;
//! scheduler.add_job(JobBuilder::new(|| async {
//!     smol::Timer::after(Duration::from_millis(1)).await;
//! }))?;
//! scheduler.start()?;
//! scheduler.shutdown(true)?;
//! # Ok::<(), apscheduler_core::Error>(())
//! ```
//!
//! | option | |
//! |---|---|
//! | `max_workers` | how many jobs run at once, async and plain ones together; no limit by default |
//! | `cancel_grace_time` | how long an async job may continue after it was cancelled, before it is dropped; 1 second by default |
//!
//! Tasks run on the global executor of `smol::spawn`, or on one of the program's own ([`SmolRuntime::on`]), which the program
//! has to run. If that is dropped first, all jobs on it and in the queue end as errors.
//!
//! Runs beyond `max_workers` wait, and start in order. Without it, an async job starts at once, and a plain one when
//! `smol::unblock` has a thread for it. When 10,000 runs wait, the scheduler leaves due jobs in their store until half of them
//! have started.
//!
//! # Cancellation
//! A shutdown that does not wait, and the `timeout` of a job, cancel the job's
//! [token](apscheduler_core::executor::CancellationToken). An async job that continues is dropped after `cancel_grace_time`,
//! where it awaits something, and its run is an error. A plain function continues until it checks its token or returns,
//! and its return value counts; so does an async job that never awaits.
//!
//! # Shutdown in a task
//! A shutdown that waits blocks the calling thread. In a job or a listener that runs in a task of smol it returns at once,
//! since the thread may be the only one that runs tasks. To wait, call it by `smol::unblock`.

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
