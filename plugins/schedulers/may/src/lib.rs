//! A scheduler that is a coroutine of [`may`], and an executor whose jobs are coroutines: what the scheduler and the
//! executor for gevent are in Python.
//!
//! ```
//! use apscheduler_core::Shutdown;
//! use apscheduler_core::job::JobBuilder;
//! use apscheduler_testkit::TestPlugins;
//! use apscheduler_scheduler_may::MayScheduler;
//! use may::coroutine;
//! use std::time::Duration;
//!
//! let scheduler: MayScheduler<TestPlugins> = MayScheduler::new();
//! let (sender, receiver) = may::sync::mpsc::channel();
//! scheduler.add_job(JobBuilder::new(move || {
//!     // Suspends the coroutine, and blocks no thread.
//!     coroutine::sleep(Duration::from_millis(1));
//!     drop(sender.send("ran"));
//! }))?;
//! scheduler.start()?;
//! assert_eq!(receiver.recv(), Ok("ran"));
//! scheduler.shutdown(Shutdown::Wait)?;
//! # Ok::<(), apscheduler_core::Error>(())
//! ```
//!
//! A coroutine of may is a function with a stack of its own. When it waits by may's means (its `sleep`, channels, locks and
//! sockets) its thread goes on with another one. So a plain function can wait for thousands of things at once, without
//! `async`.
//!
//! # Where things run
//! | what | where |
//! |---|---|
//! | the search for due jobs in memory | a coroutine, wherever may resumes it |
//! | the wait for the next run time | a thread `apscheduler-timer`, one for the process |
//! | stores that do I/O | threads of their own; calls such as `add_job` where they are made, and by `scheduler.call(...)` in a thread for each |
//! | jobs | by default the executor `may`: a coroutine for each run at a time |
//! | listeners | where the event happens |
//!
//! may has one set of worker threads for the whole process: one for each processor, each bound to its own. A program that
//! wants others says so before it starts anything: `may::config().set_workers(4).set_worker_pin(false)`.
//!
//! # The executor
//! In a config: `{"type": "may"}`, or with the name of Python's executor, `gevent`. It works on any scheduler.
//!
//! | option | |
//! |---|---|
//! | `max_workers` | how many jobs run at once, at the most; 1000 by default |
//! | `stack_size` | the size of a job's stack in bytes; 1 MiB by default, of which the system gives as much as is touched |
//!
//! What exceeds `max_workers` waits, and starts in order. When 10,000 runs wait, the scheduler leaves due jobs in their
//! store, until half of them have started. A function that overflows its stack ends the process, as in a thread.
//!
//! Async functions are run too: a coroutine waits for each. They have no reactor but may's, so what needs tokio's timers
//! and sockets belongs to the executor `tokio`.
//!
//! # How a job ends early
//! A shutdown that does not wait, and a `timeout` that runs out, cancel the job's
//! [token](apscheduler_core::executor::CancellationToken). An async function that exceeds its `timeout` is dropped where it
//! awaits something, and that is an error. A plain function goes on until it looks at its token, or to its end, and what
//! it returns counts.
//!
//! may itself can unwind a coroutine wherever it waits ([`cancel`](may::coroutine::Coroutine::cancel)). That is not used
//! here: a destructor that takes one of may's locks on the way would panic while panicking, and end the process.
//!
//! # What to mind
//! - **What blocks a thread blocks all coroutines that wait for that thread**: `std::thread::sleep`, a lock or a channel
//!   of `std`, a long computation. If the scheduler's own coroutine is among them, nothing is started meanwhile. Use may's,
//!   or give such a job to the executor `threadpool`.
//! - **A coroutine may go on in another thread than the one it waited in**: don't hold a reference into a thread-local, a
//!   guard of a `std` lock or an entered span of `tracing` over a wait. The compiler can't see that; for locals there is
//!   `may::coroutine_local!`.
//! - **A listener, and a job of the executors `loop` and `debug`, should not wait by may's means**: it may be within a turn
//!   of the scheduler, which the engine tells by its thread. If the turn goes on in another one, a warning is logged, and a
//!   `shutdown(Shutdown::Wait)` called from in there may never return.
//! - **may 0.3.51 has two faults that a job can run into.** A wait with a timeout (`recv_timeout`, `wait_timeout`,
//!   `park_timeout`) whose time is over before the coroutine is asleep never ends: short times do that, and busy machines.
//!   And a coroutine that ends while another thread is still busy putting it to sleep has that thread write into freed
//!   memory. Neither the scheduler nor the executor uses such timeouts, and their own coroutines' memory is not freed; for
//!   coroutines that a job starts itself, keep their handles.
//! - With the first coroutine, may's crate `generator` takes over the signals SIGSEGV and SIGBUS of the process, and wraps the
//!   panic hook.
//! - After a `coroutine::sleep`, a coroutine goes on in may's only timer thread until it waits again. A job that is about to
//!   compute for long calls `coroutine::yield_now()` first.

mod alarm;
mod block_on;
mod event_loop;
mod executor;
mod options;
mod queue;
mod spawn;
mod worker;

use std::sync::Arc;

use apscheduler_core::registry::Plugin;
use apscheduler_engine::LinkedPlugins;
use apscheduler_engine::schedulers::LoopScheduler;

pub use event_loop::MayLoop;
pub use executor::MayExecutor;
pub use options::MayOptions;

/// A scheduler that is a coroutine.
pub type MayScheduler<P = LinkedPlugins> = LoopScheduler<MayLoop, P>;

/// The descriptor of the scheduler.
pub static PLUGIN: Plugin = Plugin::scheduler("may")
    .aliases(&["gevent"])
    .classes(&["apscheduler.schedulers.gevent:GeventScheduler"])
    .summary("runs as a stackful coroutine of may")
    .source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

/// The descriptor of the executor.
pub static EXECUTOR_PLUGIN: Plugin = Plugin::executor("may", &|options| {
    Ok(Arc::new(MayExecutor::with_options(&MayOptions::parse(options)?)))
})
.aliases(&["gevent"])
.classes(&["apscheduler.executors.gevent:GeventExecutor"])
.summary("runs jobs as stackful coroutines of may")
.source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
