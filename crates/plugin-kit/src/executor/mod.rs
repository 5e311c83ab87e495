//! Building blocks for executors.
//!
//! - [`RunExt`] calls the function of a run in the calling thread;
//! - [`RunThreads`] is a pool of threads with a queue, and [`RuntimeExecutor`] an executor on any async runtime;
//! - [`RunQueue`] and [`WorkerQueue`] are the queue of both, for executors that wait in ways of their own;
//! - [`Timer`] cancels runs at their timeouts; [`warn_of_task_limit`] warns of limits of the system.

mod execute;
mod run_queue;
mod runtime;
mod task_limit;
mod threads;
mod timer;
mod worker_queue;

pub use execute::RunExt;
pub use run_queue::{ClosedRuns, RunQueue};
pub use runtime::{RuntimeExecutor, RuntimeLimits};
pub use task_limit::warn_of_task_limit;
pub use threads::{QueuedRuns, RunThreads};
pub use timer::Timer;
pub use worker_queue::{Next, WantedWorkers, WorkerQueue, WorkerState};
