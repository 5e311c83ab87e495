//! The worker hook of programs that run jobs in processes of their own.

use apscheduler_core::registry::Registry;
use apscheduler_core::{Extensions, Result};

use crate::builtin;
use crate::executor_processpool::worker;

/// Makes the program able to run jobs in a process pool. To be the first line of `main`: a worker process is this very
/// program, which goes no further than this line in it.
///
/// A worker knows the functions with `#[job]` and the built-in ones, and has no log: no later line of `main` sets one up
/// in it. For more see [`init_worker_with`], which is called instead of this one: a process pool refuses to start where
/// the hook is called twice.
///
/// # Examples
/// ```no_run
/// use apscheduler::prelude::*;
///
/// fn main() -> apscheduler::Result<()> {
///     apscheduler::init_worker();
///     let scheduler = BlockingScheduler::new();
///     scheduler.add_executor("default", ProcessPoolExecutor::new(4))?;
///     scheduler.start()
/// }
/// ```
#[track_caller]
pub fn init_worker() {
    worker::init(builtin::registry);
}

/// As [`init_worker`], with a set-up that is called in each worker before its first job, and in workers alone: it
/// registers functions by hand, inserts what jobs get from [`JobContext::state`](crate::function::JobContext::state), and
/// sets up the log of the worker.
///
/// # Examples
/// ```no_run
/// use apscheduler::prelude::*;
/// use apscheduler::registry::Registry;
///
/// struct Settings { directory: &'static str }
///
/// fn register(registry: &Registry) -> apscheduler::Result<()> {
///     registry.register_function("where", |context: &JobContext| {
///         context.extension::<Settings>().map(|settings| settings.directory)
///     })
/// }
///
/// fn main() -> apscheduler::Result<()> {
///     apscheduler::init_worker_with(|registry, states| {
///         states.insert(Settings { directory: "/srv" });
///         register(registry)
///     });
///     register(&apscheduler::builtin::registry())?;
///     let scheduler = BlockingScheduler::new();
///     scheduler.add_executor("default", ProcessPoolExecutor::new(4))?;
///     scheduler.add_job(JobBuilder::new("where"))?;
///     scheduler.start()
/// }
/// ```
#[track_caller]
pub fn init_worker_with(set_up: impl FnOnce(&Registry, &Extensions) -> Result<()>) {
    worker::init_with(builtin::registry, set_up);
}
