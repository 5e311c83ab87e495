//! Runs jobs on a tokio runtime: async functions as tasks, plain ones on its blocking pool.
//!
//! In a config: `{"type": "tokio"}`, or with the names of Python's executors, `asyncio` and `tornado`. In a program:
//! ```
//! use std::time::Duration;
//! use apscheduler_core::Shutdown;
//! use apscheduler_core::job::JobBuilder;
//! use apscheduler_engine::schedulers::BackgroundScheduler;
//! use apscheduler_testkit::TestPlugins;
//! use apscheduler_executor_tokio::TokioExecutor;
//!
//! let scheduler: BackgroundScheduler<TestPlugins> = BackgroundScheduler::new();
//! scheduler.add_executor("default", TokioExecutor::new())?;
//! scheduler.add_job(JobBuilder::new(|| async {
//!     tokio::time::sleep(Duration::from_millis(1)).await;
//! }))?;
//! scheduler.start()?;
//! scheduler.shutdown(Shutdown::Wait)?;
//! # Ok::<(), apscheduler_core::Error>(())
//! ```
//!
//! | option | |
//! |---|---|
//! | `max_workers` | how many jobs run at once, of both sorts together; by default there is no limit for async jobs, and plain ones have the number of processors + 4, at most 32 |
//! | `cancel_grace_time` | how many seconds an async job has to end when it was cancelled, before it is dropped; 1 by default |
//! | `worker_threads` | runs the jobs on a runtime of the executor's own, with so many threads |
//!
//! # Which runtime
//! The one that [`with_handle`](TokioExecutor::with_handle) names; otherwise the one in whose context the scheduler is
//! started, as in a `#[tokio::main]`; and where there is none, a multi-thread runtime of the executor's own, which it starts with
//! the scheduler and ends when it was shut down and the last job has ended. So it works from a config file too.
//! `worker_threads` asks for one of its own in any case.
//!
//! A runtime of its own has whatever drivers the program's build of tokio has: time always; sockets where the feature `net` is on.
//! If somebody else's runtime ends first, all jobs on it and in the queue end as errors.
//!
//! # The queue
//! What exceeds `max_workers` waits, and starts in order. Without it, an async job starts at once, and a plain one when it finds
//! a thread; their number is that of Python's asyncio. More than 512 plain jobs at once need a runtime that was built with more
//! `max_blocking_threads`. When 10,000 runs wait, the scheduler leaves due jobs in their store, until half of them have
//! started.
//!
//! # How a job ends early
//! A shutdown that does not wait, and a `timeout` that runs out, cancel the job's
//! [token](apscheduler_core::executor::CancellationToken). An async job that goes on is dropped after
//! `cancel_grace_time`, at the place where it awaits something, and that is an error. A plain function can't be ended: it goes
//! on until it looks at its token, or to its end, and what it returns counts. The same happens to an async job that does
//! not await.
//!
//! Timeouts need a runtime with timers (`enable_time`); on one without, a job with a `timeout` is an error.
//!
//! # Shutdown from within the runtime
//! A shutdown with `wait` blocks the thread that calls it. A thread of a multi-thread runtime hands its other tasks to
//! another thread first. The only thread of a current-thread runtime must not be blocked by what it has to do itself: there the call
//! returns at once, and the jobs go on to their end as long as the runtime goes on. To wait for them, call it from
//! `spawn_blocking`.

mod executor;
mod options;
mod queue;
mod runtime;
mod shared;
mod tasks;
mod threads;
mod worker;

use std::sync::Arc;

use apscheduler_core::registry::Plugin;

pub use executor::TokioExecutor;
pub use options::TokioOptions;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::executor("tokio", &|options| {
    Ok(Arc::new(TokioExecutor::with_options(&TokioOptions::parse(options)?)))
})
.aliases(&["asyncio", "tornado"])
.classes(&[
    "apscheduler.executors.asyncio:AsyncIOExecutor",
    "apscheduler.executors.tornado:TornadoExecutor",
])
.summary("runs async jobs as tasks of a tokio runtime, and plain ones on its blocking pool")
.source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
