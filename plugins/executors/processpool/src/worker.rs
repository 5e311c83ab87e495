//! The worker hook: what makes a program able to run its jobs in processes of its own.
//!
//! A worker is the running program, started again with one argument. Its `main` begins as ever, so its first line has to be
//! the hook, which goes no further in a worker. Programs that use the crate `apscheduler` call
//! `apscheduler::init_worker()` or `apscheduler::init_worker_with(...)`; the functions here are what those are made of.

use std::panic::Location;
use std::sync::{Mutex, PoisonError};

use apscheduler_core::registry::Registry;
use apscheduler_core::{Error, ErrorKind, Extensions, Result};

/// The argument that a worker is started with, and nothing else.
///
/// An environment variable would go on to every program that a job starts, and the same program among them would take
/// itself for a worker. An argument does not, and a program that reads its arguments before it calls the hook fails
/// instead of doing its work twice.
pub(crate) const ARGUMENT: &str = "--apscheduler-worker";

/// Where the hook was called in this process. Without it no worker is ever started, not by a worker either.
static HOOKS: Mutex<Vec<&Location<'static>>> = Mutex::new(Vec::new());

/// The worker hook, to be called first of all in `main`: returns in the program itself, and in a worker serves jobs and
/// never returns.
///
/// `registry` gives what a worker knows; it is called in workers alone.
///
/// It must be called once: a worker never gets past the first call, so that a second one would set up nothing. An executor
/// in a program that called it more than once refuses to start.
#[track_caller]
pub fn init(registry: impl FnOnce() -> Registry) {
    init_with(registry, |_, _| Ok(()));
}

/// The worker hook as [`init`], with a set-up: it registers functions by hand, and inserts what jobs get from
/// [`JobContext::extension`](apscheduler_core::function::JobContext::extension).
///
/// The set-up is called in workers alone, before the first job. An error or a panic in it is the error of the jobs that
/// were to run. It is also the place to set up a log: what `main` does after the hook, no worker does.
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
#[track_caller]
pub fn init_with(
    registry: impl FnOnce() -> Registry,
    set_up: impl FnOnce(&Registry, &Extensions) -> Result<()>,
) {
    HOOKS.lock().unwrap_or_else(PoisonError::into_inner).push(Location::caller());
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

/// Checks that workers can be started.
///
/// # Errors
/// Where the hook is missing, with the line to add; where it was called more than once, with the places.
pub(crate) fn check_hook() -> Result<()> {
    check(&HOOKS.lock().unwrap_or_else(PoisonError::into_inner))
}

fn check(hooks: &[&Location<'_>]) -> Result<()> {
    let message = match hooks {
        [_] => return Ok(()),
        [] => {
            "this program has no worker hook, and without it a worker process would run the program a second time; \
             make this the first line of `main`:\napscheduler::init_worker();\n\
             (it returns at once; in a test: give it `harness = false` and such a `main`)"
                .to_owned()
        }
        [first, others @ ..] => {
            let others: Vec<String> = others.iter().map(ToString::to_string).collect();
            format!(
                "the worker hook is called more than once: a worker process never gets past the call at {first}, so the \
                 set-up at {} would never happen; merge the calls into one `apscheduler::init_worker_with(...)`",
                others.join(", ")
            )
        }
    };
    Err(Error::new(ErrorKind::Other, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hook_is_called_once_and_no_more() {
        let here = Location::caller();
        assert!(check(&[here]).is_ok());
        assert!(check(&[]).unwrap_err().to_string().contains("apscheduler::init_worker();"));
        let error = check(&[here, here]).unwrap_err().to_string();
        assert!(error.contains("more than once"), "{error}");
        assert!(error.contains("worker.rs:"), "{error}");
    }
}
