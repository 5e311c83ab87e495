//! The worker hook: what makes a program able to run its jobs in processes of its own.
//!
//! A worker is the running program, started again with one argument. Its `main` begins as ever, so its first line has to be
//! the hook, which goes no further in a worker. Programs that use the crate `apscheduler` call
//! `apscheduler::init_worker()` or `apscheduler::init_worker_with(...)`; the functions here are what those are made of.

use std::sync::atomic::{AtomicBool, Ordering};

use apscheduler_core::registry::Registry;
use apscheduler_core::{Error, ErrorKind, Result, States};

/// The argument that a worker is started with, and nothing else.
///
/// An environment variable would go on to every program that a job starts, and the same program among them would take
/// itself for a worker. An argument does not, and a program that reads its arguments before it calls the hook fails
/// instead of doing its work twice.
pub(crate) const ARGUMENT: &str = "--apscheduler-worker";

/// Whether the hook was called in this process. Without it no worker is ever started, not by a worker either.
static HOOKED: AtomicBool = AtomicBool::new(false);

/// The worker hook, to be called first of all in `main`: returns in the program itself, and in a worker serves jobs and
/// never returns.
///
/// `registry` gives what a worker knows; it is called in workers alone.
pub fn init(registry: impl FnOnce() -> Registry) {
    init_with(registry, |_, _| Ok(()));
}

/// The worker hook as [`init`], with a set-up: it registers functions by hand, and inserts what jobs get from
/// [`JobContext::state`](apscheduler_core::function::JobContext::state).
///
/// The set-up is called in workers alone, before the first job. An error or a panic in it is the error of the jobs that
/// were to run.
///
/// # Examples
/// ```
/// use apscheduler_core::Result;
/// use apscheduler_core::registry::Registry;
/// use apscheduler_executor_processpool::worker;
///
/// struct Settings {
///     greeting: &'static str,
/// }
///
/// fn register(registry: &Registry) -> Result<()> {
///     registry.register_function("shop::double", |number: i64| 2 * number)
/// }
///
/// fn main() -> Result<()> {
///     worker::init_with(Registry::linked, |registry, states| {
///         states.insert(Settings { greeting: "hello" });
///         register(registry)
///     });
///     let registry = Registry::linked();
///     register(&registry)?;
///     // The program goes on with its schedulers.
///     Ok(())
/// }
/// ```
pub fn init_with(
    registry: impl FnOnce() -> Registry,
    set_up: impl FnOnce(&Registry, &States) -> Result<()>,
) {
    HOOKED.store(true, Ordering::SeqCst);
    if is_worker() {
        #[cfg(unix)]
        crate::serving::serve(registry, set_up);
        #[cfg(not(unix))]
        drop((registry, set_up));
    }
}

fn is_worker() -> bool {
    cfg!(unix) && std::env::args_os().skip(1).eq([ARGUMENT])
}

/// Whether workers can be started: an error that shows the line to add where the hook is missing.
pub(crate) fn check_hook() -> Result<()> {
    if HOOKED.load(Ordering::SeqCst) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Other,
        "this program has no worker hook, and without it a worker process would run the program a second time; \
         make this the first line of `main`:\n    apscheduler::init_worker();\n\
         (it returns at once; in a test: give it `harness = false` and such a `main`)",
    ))
}
