//! A scheduler on a tokio runtime, with async calls: for async programs, and for servers.
//!
//! ```
//! use apscheduler_core::Shutdown;
//! use apscheduler_core::job::JobBuilder;
//! use apscheduler_testkit::TestPlugins;
//! use apscheduler_scheduler_tokio::TokioScheduler;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> apscheduler_core::Result<()> {
//! let scheduler: TokioScheduler<TestPlugins> = TokioScheduler::new();
//! let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
//! scheduler.add_job(JobBuilder::new(move || {
//!     let sender = sender.clone();
//!     async move { sender.send("ran").await.is_ok() }
//! })).await?;
//! scheduler.start().await?;
//! assert_eq!(receiver.recv().await, Some("ran"));
//! scheduler.shutdown(Shutdown::Wait).await
//! # }
//! ```
//!
//! # Where things run
//! | what | where |
//! |---|---|
//! | the search for due jobs in memory | a task of the runtime |
//! | stores that do I/O | threads of their own; calls such as `add_job` on the runtime's blocking pool |
//! | jobs | the executor `tokio` where the registry has it (that of the facade does), otherwise a plain one of the same sort |
//! | listeners | where the event happens; async ones in a task |
//!
//! The runtime is the one in whose context the scheduler is [started](apscheduler_engine::schedulers::RuntimeScheduler::start),
//! multi-thread or current-thread, or the one that it was given: `TokioScheduler::builder().runtime(TokioRuntime::from(handle)).build()?`. It has
//! to have timers.
//!
//! A scheduler that is dropped is shut down without waiting. If the runtime ends first, the scheduler is shut down with an
//! error in the log, and further calls say so.
//!
//! The plain calls are those of [`Scheduler`](apscheduler_engine::Scheduler); `scheduler.call(|scheduler| ...)` makes any of
//! them on the blocking pool. Jobs get the plain handle by `JobContext::scheduler`. In an async job, do not call its
//! `shutdown(Shutdown::Wait)`, which blocks the thread: `AsyncScheduler::from(scheduler)` has one to await.

mod runtime;

use apscheduler_core::registry::Plugin;
use apscheduler_engine::LinkedPlugins;
use apscheduler_engine::schedulers::RuntimeScheduler;

pub use runtime::TokioRuntime;

/// A scheduler on a tokio runtime.
pub type TokioScheduler<P = LinkedPlugins> = RuntimeScheduler<TokioRuntime, P>;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::scheduler("tokio")
    .aliases(&["asyncio", "tornado"])
    .classes(&[
        "apscheduler.schedulers.asyncio:AsyncIOScheduler",
        "apscheduler.schedulers.tornado:TornadoScheduler",
    ])
    .summary("runs as a task of a tokio runtime")
    .source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
