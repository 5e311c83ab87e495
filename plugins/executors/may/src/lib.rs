//! Runs jobs as stackful coroutines of [`may`], as APScheduler's executor for gevent does in Python.
//!
//! In a config: `{"type": "may"}`, or with the name of Python's executor, `gevent`. In a program:
//! ```
//! use std::time::Duration;
//! use apscheduler_core::job::JobBuilder;
//! use apscheduler_engine::schedulers::BackgroundScheduler;
//! use apscheduler_executor_may::MayExecutor;
//! use apscheduler_testkit::TestPlugins;
//! use may::coroutine;
//!
//! let scheduler: BackgroundScheduler<TestPlugins> = BackgroundScheduler::new();
//! scheduler.add_executor("default", MayExecutor::default())?;
//! let (sender, receiver) = may::sync::mpsc::channel();
//! scheduler.add_job(JobBuilder::new(move || {
//!     // Suspends the coroutine, and blocks no thread.
//!     coroutine::sleep(Duration::from_millis(1));
//!     drop(sender.send("ran"));
//! }))?;
//! scheduler.start()?;
//! assert_eq!(receiver.recv(), Ok("ran"));
//! scheduler.shutdown(true)?;
//! # Ok::<(), apscheduler_core::Error>(())
//! ```
//!
//! | option | |
//! |---|---|
//! | `max_workers` | how many jobs run at once; 1000 by default |
//! | `stack_size` | the size of a job's stack in bytes; 1 MiB by default, of which the system allocates what is used |
//!
//! A coroutine of may is a function with a stack of its own. When it waits by may's means (its `sleep`, channels, locks and
//! sockets), its thread continues with another coroutine. So thousands of plain functions can wait at once, without
//! `async`. A function that overflows its stack aborts the process, as in a thread.
//!
//! Runs beyond `max_workers` wait, and start in order. When 10,000 runs wait, the scheduler leaves due jobs in their store
//! until half of them have started.
//!
//! Async functions run too: a coroutine waits for each. Their only reactor is may's, so functions that need tokio's timers
//! and sockets belong to the executor `tokio`.
//!
//! # Cancellation
//! A shutdown that does not wait, and the `timeout` of a job, cancel the job's
//! [token](apscheduler_core::executor::CancellationToken). An async function that exceeds its `timeout` is dropped where it
//! awaits something, and its run is an error. A plain function continues until it checks its token or returns, and its
//! return value counts.
//!
//! may itself can unwind a coroutine wherever it waits ([`cancel`](may::coroutine::Coroutine::cancel)). The executor does
//! not use that: a destructor that takes one of may's locks would panic while panicking, and abort the process.
//!
//! # Cautions
//! - **A job that blocks a thread blocks all coroutines that wait for that thread**: by `std::thread::sleep`, a lock or a
//!   channel of `std`, a long computation. Use may's means, or run such a job on the executor `threadpool`.
//! - **A coroutine may continue in another thread after it waited**: don't hold a reference into a thread-local, a guard of a
//!   `std` lock or an entered span of `tracing` while it waits. The compiler can't check that. For locals there is
//!   `may::coroutine_local!`.
//! - **may 0.3.51 has two bugs that can affect a job.** A wait with a timeout (`recv_timeout`, `wait_timeout`,
//!   `park_timeout`) never ends if the time is over before the coroutine is asleep, as with short times and on busy machines.
//!   And if a coroutine ends while another thread is still putting it to sleep, that thread writes into freed memory. The
//!   executor uses no such timeouts and never frees the memory of its own coroutines. If a job starts coroutines, keep their
//!   handles.
//! - With the first coroutine, may's crate `generator` installs handlers for SIGSEGV and SIGBUS, and wraps the panic hook.
//! - After a `coroutine::sleep`, a coroutine runs in may's only timer thread until it waits again. A job that is about to
//!   compute for long should call `coroutine::yield_now()` first.
//!
//! may has one set of worker threads for the whole process: one for each processor, each pinned to it. To change that, call
//! `may::config().set_workers(4).set_worker_pin(false)` before anything else uses may.

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
