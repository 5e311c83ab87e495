//! A scheduler on smol, with async calls: for async programs without tokio.
//!
//! ```
//! use apscheduler_core::Shutdown;
//! use apscheduler_core::job::JobBuilder;
//! use apscheduler_testkit::TestPlugins;
//! use apscheduler_scheduler_smol::SmolScheduler;
//!
//! # fn main() -> apscheduler_core::Result<()> {
//! smol::block_on(async {
//!     let scheduler: SmolScheduler<TestPlugins> = SmolScheduler::new();
//!     let (sender, receiver) = smol::channel::bounded(1);
//!     scheduler.add_job(JobBuilder::new(move || {
//!         let sender = sender.clone();
//!         async move { sender.send("ran").await.is_ok() }
//!     })).await?;
//!     scheduler.start().await?;
//!     assert_eq!(receiver.recv().await, Ok("ran"));
//!     scheduler.shutdown(Shutdown::Wait).await
//! })
//! # }
//! ```
//!
//! # Where things run
//! | what | where |
//! |---|---|
//! | the search for due jobs in memory | a task |
//! | stores that do I/O | threads of their own; calls such as `add_job` in the threads of `smol::unblock` |
//! | jobs | the executor `smol`: async ones are tasks, plain ones run in the threads of `smol::unblock` |
//! | listeners | where the event happens; async ones in a task |
//!
//! Tasks are those of the global executor of `smol::spawn`, which is there wherever it is asked for, or of the executor that
//! the scheduler was given: `SmolScheduler::builder().runtime(SmolRuntime::on(&executor)).build()?`. Somebody has to run that one. When it is
//! dropped, the scheduler is shut down with an error in the log, and further calls say so. The global one has one thread
//! unless the environment variable `SMOL_THREADS` says more; an async job that blocks its thread holds up all tasks.
//!
//! A scheduler that is dropped is shut down without waiting.
//!
//! The plain calls are those of [`Scheduler`](apscheduler_engine::Scheduler); `scheduler.call(|scheduler| ...)` makes any of
//! them off the tasks. Jobs get the plain handle by `JobContext::scheduler`. In an async job, do not call its
//! `shutdown(Shutdown::Wait)`, which blocks the thread: `AsyncScheduler::from(scheduler)` has one to await.

mod runtime;

use std::sync::Arc;

use apscheduler_core::options;
use apscheduler_core::registry::Plugin;
use apscheduler_engine::LinkedPlugins;
use apscheduler_engine::schedulers::RuntimeScheduler;
use apscheduler_plugin_kit::executor::RuntimeExecutor;

pub use runtime::SmolRuntime;

/// A scheduler on smol.
pub type SmolScheduler<P = LinkedPlugins> = RuntimeScheduler<SmolRuntime, P>;

/// Runs async jobs as tasks of smol, and plain ones in the threads of `smol::unblock`.
pub type SmolExecutor = RuntimeExecutor<SmolRuntime>;

/// The descriptor of the scheduler.
pub static PLUGIN: Plugin = Plugin::scheduler("smol")
    .summary("runs as a task of smol")
    .source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

/// The descriptor of the executor. It has no options.
pub static EXECUTOR_PLUGIN: Plugin = Plugin::executor("smol", &|given| {
    options::parse::<NoOptions>("executor `smol`", given)?;
    Ok(Arc::new(SmolExecutor::new()))
})
.summary("runs async jobs as tasks of smol, and plain ones in threads")
.source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

#[derive(serde::Deserialize)]
struct NoOptions {}
