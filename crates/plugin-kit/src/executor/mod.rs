//! What executors share.

mod execute;
mod on_runtime;
mod queue;
mod task_limit;
mod threads;
mod timer;

pub use execute::RunExt;
pub use on_runtime::RuntimeExecutor;
pub use queue::QueuedRuns;
pub use task_limit::warn_of_task_limit;
pub use threads::RunThreads;
pub use timer::Timer;
