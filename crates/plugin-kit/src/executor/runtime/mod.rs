//! Runs jobs on an async runtime: async functions as tasks, plain ones where the runtime makes blocking calls.
//!
//! `executor` is the executor. `shared` holds what its workers share, with the queue of runs in `lanes`. `worker` is the
//! base of both kinds of worker, `tasks` and `blocking`.

mod blocking;
mod executor;
mod lanes;
mod limits;
mod shared;
mod tasks;
mod worker;

pub use executor::RuntimeExecutor;
pub use limits::RuntimeLimits;
