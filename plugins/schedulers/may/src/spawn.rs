//! How coroutines are started.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use apscheduler_core::function::JobError;
use apscheduler_core::{Error, ErrorKind, Result};
use may::coroutine::Builder;

// What is left of a coroutine when its stack is gone.
may::coroutine_local!(static REMAINS: Remains = Remains { on_stack: Cell::new(false) });

/// may gives up a coroutine that overflows its stack, and no frame on it is unwound: the run would have no outcome, and
/// locks would stay locked. So the process ends, as it does when a thread overflows its stack.
struct Remains {
    on_stack: Cell<bool>,
}

impl Drop for Remains {
    fn drop(&mut self) {
        if self.on_stack.get() {
            eprintln!(
                "a job or a listener has overflowed the stack of its coroutine: see the option `stack_size`"
            );
            std::process::abort();
        }
    }
}

/// The first thing on the stack of a coroutine, and the last.
struct OnStack;

impl OnStack {
    fn new() -> Self {
        REMAINS.with(|remains| remains.on_stack.set(true));
        Self
    }
}

impl Drop for OnStack {
    fn drop(&mut self) {
        REMAINS.with(|remains| remains.on_stack.set(false));
    }
}

/// Runs a coroutine with a stack of so many bytes. If there can be none, `body` is dropped.
///
/// Some 200 bytes of it stay for ever, so this is for coroutines that live long.
///
/// # Errors
/// That there is no memory for the stack.
#[expect(unsafe_code, reason = "may can't check what its coroutines do with thread-locals")]
pub(crate) fn spawn(
    name: &str,
    stack_size: usize,
    body: impl FnOnce() + Send + 'static,
) -> Result<()> {
    // may counts in words, and measures stacks of an odd number of them.
    let words = (stack_size / size_of::<usize>()) & !1;
    let body = move || {
        let _on_stack = OnStack::new();
        body();
    };
    let builder = Builder::new().name(name.to_owned()).stack_size(words);
    // SAFETY: may asks for two things. First, no reference into a thread-local is held while the coroutine waits: this crate
    // has no thread-locals, and waits in `Alarm::wait`, `Queue::next`, `block_on`, `wait_drained` and `yield_now` alone,
    // where no frame of its own or of the engine holds one. What jobs and listeners do when they wait is theirs, as with
    // `may::go!`; the docs of the crate tell them. Second, the stack is large enough: below it lies a page without access, so
    // an overflow ends the process and touches nothing else.
    //
    // And one thing that may does not say (0.3.51): the thread that puts a coroutine to sleep (`subscribe` of `Park` and of
    // `Sleep`) still writes into its `Coroutine` when others can resume it already. If it ended meanwhile, that would be freed
    // memory. So a handle is kept for ever, and with it the memory.
    let spawn = || unsafe { builder.spawn(body) };
    let failed = |cause: String| {
        Error::new(ErrorKind::Other, format!("can't start a coroutine `{name}`: {cause}"))
    };
    // may panics where the system gives no memory.
    match catch_unwind(AssertUnwindSafe(spawn)) {
        Ok(Ok(handle)) => {
            std::mem::forget(handle.coroutine().clone());
            Ok(())
        }
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(payload) => Err(failed(JobError::from_panic(&*payload).to_string())),
    }
}

#[cfg(test)]
mod tests {
    use may::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_stack_that_no_system_has_is_an_error() {
        let (sender, receiver) = channel::<()>();
        let error = spawn("giant", usize::MAX / 2, move || drop(sender)).unwrap_err();
        assert!(error.to_string().starts_with("can't start a coroutine `giant`: "), "{error}");
        assert!(receiver.recv().is_err(), "the body is still there");
    }
}
