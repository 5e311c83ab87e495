//! Runs jobs in worker processes: a job that crashes takes nothing with it, and one that takes too long is ended.
//!
//! In a config: `{"type": "processpool", "max_workers": 4}`. In a program, with the **worker hook** as its first line:
//! ```no_run
//! use apscheduler_core::Result;
//! use apscheduler_core::registry::Registry;
//! use apscheduler_engine::schedulers::BlockingScheduler;
//! use apscheduler_executor_processpool::{ProcessPoolExecutor, worker};
//!
//! fn main() -> Result<()> {
//!     worker::init(Registry::linked); // With the crate `apscheduler`: `apscheduler::init_worker();`
//!     let scheduler: BlockingScheduler = BlockingScheduler::new();
//!     scheduler.add_executor("default", ProcessPoolExecutor::new(4))?;
//!     scheduler.start()
//! }
//! ```
//!
//! | option | |
//! |---|---|
//! | `max_workers` | how many jobs run at once, each in a process of its own; 10 by default |
//! | `max_tasks_per_child` | after so many jobs a process is replaced by a new one; by default never |
//!
//! # The worker hook
//! A worker is the running program, started again; the hook keeps it from doing the program's work a second time. What
//! stands before the hook in `main` is done by every worker. An executor in a program that never called the hook refuses
//! to start.
//!
//! A worker runs registered functions alone, so closures are refused when a job is added. It knows the functions that linked
//! crates submit (`#[job]`) and those that its hook registers; see [`worker::init_with`], which also hands out what jobs
//! ask for by `JobContext::state`. The scheduler is not there: `JobContext::scheduler` is `None`.
//!
//! A worker never gets past the hook. So a log that `main` sets up after it is not there either, and what jobs log through
//! `tracing` is lost, which a warning tells: set it up in [`worker::init_with`] too. The hook must be called once: a second
//! call would set up nothing, so an executor in a program with two refuses to start.
//!
//! # What a job finds
//! Standard output and standard error are those of the program, so what a job prints goes where the program's output
//! goes. Standard input is empty. Environment and working directory are those of the program when the worker was
//! started. Async functions are driven to their end without a runtime.
//!
//! Workers lead process groups of their own, so Ctrl-C at the terminal reaches the scheduler alone, which can let its jobs end.
//! A service manager may signal all processes of the service; systemd does unless `KillMode=mixed` is set.
//!
//! # How a job ends
//! - Return values, errors and panics come back and are in the events. Numbers keep their last digit.
//! - A worker that dies (a crash, `exit()`, `kill -9`, out of memory) is an error of its job alone, and says how it died.
//!   The next job gets a new worker. A job whose worker died before it had begun goes to another worker.
//! - A job with a `timeout` is killed when it has lasted that long. If it runs programs by the function `command`, its token
//!   is cancelled instead, so that they get TERM, `kill_after`, and KILL, and then it is killed.
//! - A shutdown with `wait` lets all jobs end. One without cancels the token of each running job. Those that go on get TERM
//!   after a quarter of a second, or when their programs have ended, and are killed after another.
//! - What a worker that is killed leaves behind, in its process group or not, is ended before the outcome of the run is
//!   told: at once in the process group of the worker; TERM, 5 s and KILL elsewhere. A program that a job starts without
//!   `command` can't be told from one of an earlier job in the same worker; both end with the worker.
//! - A worker that is to exit (at a shutdown, and after `max_tasks_per_child`) has 5 seconds for it, or a quarter of a second
//!   where the shutdown does not wait, and is killed then. So one that hangs in its exit, and a process that a job has left
//!   behind, hold up nothing.
//! - When the scheduler's process dies, however it does, its workers kill themselves at once.
//!
//! Unix only: elsewhere the executor refuses to start.

mod executor;
#[cfg(unix)]
mod frames;
#[cfg(unix)]
mod leader;
#[cfg(unix)]
mod message;
mod options;
#[cfg(unix)]
mod parent;
#[cfg(unix)]
mod process;
#[cfg(unix)]
mod service;
#[cfg(not(unix))]
#[path = "service_other.rs"]
mod service;
#[cfg(unix)]
mod serving;
#[cfg(unix)]
mod stop;
#[cfg(unix)]
mod wait;
pub mod worker;

use std::sync::Arc;

use apscheduler_core::registry::Plugin;

pub use executor::ProcessPoolExecutor;
pub use options::ProcessPoolOptions;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::executor("processpool", &|options| {
    Ok(Arc::new(ProcessPoolExecutor::with_options(&ProcessPoolOptions::parse(options)?)))
})
.classes(&["apscheduler.executors.pool:ProcessPoolExecutor"])
.summary("runs jobs in worker processes")
.source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
