//! The worker hook, for programs with a process pool.

use apscheduler_core::registry::Registry;
use apscheduler_core::{Extensions, Result};

use crate::builtin;
use crate::executor_processpool::worker;

/// Lets the program run jobs in a process pool. Call it first in `main`: a worker process is this program, started again,
/// and in a worker this call does not return.
///
/// A worker has the built-in functions and those with `#[job]`. It has no log, since the rest of `main` does not run in it.
/// To set up more, call [`init_worker_with`] instead. A process pool refuses to start if both are called.
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

/// As [`init_worker`], with a function that is called in each worker before its first job. It can register functions,
/// insert extensions for [`JobContext::extension`](crate::function::JobContext::extension), and set up the log.
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
///     apscheduler::init_worker_with(|registry, extensions| {
///         extensions.insert(Settings { directory: "/srv" });
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
