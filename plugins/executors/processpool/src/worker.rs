//! The worker hook, which lets a program run its jobs in worker processes.
//!
//! A worker is the running program, started again with one argument. It begins with `main` as usual, so the first line of
//! `main` has to be the hook, which never returns in a worker. Programs that use the crate `apscheduler` call
//! `apscheduler::init_worker()` or `apscheduler::init_worker_with(...)`, which call the functions here.

use std::panic::Location;
use std::sync::{Mutex, PoisonError};

use apscheduler_core::registry::Registry;
use apscheduler_core::{Error, ErrorKind, Extensions, Result};

use crate::argument::is_worker;

pub use crate::variables::set_variable;

/// The places at which this process has called the hook. Without a call no worker is started, not by a worker either.
static HOOKS: Mutex<Vec<&Location<'static>>> = Mutex::new(Vec::new());

/// The worker hook, to be called first in `main`. Returns in the program itself; in a worker it runs jobs and never
/// returns.
///
/// `registry` returns the registry of a worker; it is called only in workers.
///
/// Call the hook once: a worker never gets past the first call, so a second one would set up nothing. If a program called
/// it more than once, the executor refuses to start.
#[track_caller]
pub fn init(registry: impl FnOnce() -> Registry) {
    init_with(registry, |_, _| Ok(()));
}

/// The worker hook as [`init`], with a set-up that registers functions and inserts the values that jobs get from
/// their context.
///
/// The set-up is called only in workers, before the first job. If it fails or panics, so do the jobs that were to run. It is
/// also the place to set up a log, since no worker executes what follows the hook in `main`.
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
///     // The program continues with its schedulers.
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

/// Checks that workers can be started.
///
/// # Errors
/// The hook is missing (the message has the line to add), or was called more than once (it has the places).
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
    fn the_hook_must_be_called_exactly_once() {
        let here = Location::caller();
        assert!(check(&[here]).is_ok());
        assert!(check(&[]).unwrap_err().to_string().contains("apscheduler::init_worker();"));
        let error = check(&[here, here]).unwrap_err().to_string();
        assert!(error.contains("more than once"), "{error}");
        assert!(error.contains("worker.rs:"), "{error}");
    }
}
