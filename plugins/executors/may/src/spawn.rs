//! Starts coroutines.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use apscheduler_core::function::JobError;
use apscheduler_core::{Error, ErrorKind, Result};
use may::coroutine::Builder;

// Outlives the stack of its coroutine.
may::coroutine_local!(static REMAINS: OverflowGuard = OverflowGuard { on_stack: Cell::new(false) });

/// may drops a coroutine that overflows its stack without unwinding it: the run would have no outcome, and locks would stay
/// locked. So the process is aborted, as for a stack overflow of a thread.
struct OverflowGuard {
    on_stack: Cell<bool>,
}

impl Drop for OverflowGuard {
    fn drop(&mut self) {
        if self.on_stack.get() {
            eprintln!(
                "a job or a listener has overflowed the stack of its coroutine: see the option `stack_size`"
            );
            std::process::abort();
        }
    }
}

/// The first value on the stack of a coroutine, which is dropped last.
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

/// Starts a coroutine with a stack of this many bytes. If that fails, `body` is dropped. Made for the scheduler of may.
///
/// About 200 bytes of each coroutine are never freed, so use it for long-lived coroutines. As with `may::go!`, the
/// body must not hold a reference into a thread-local while it waits.
///
/// # Errors
/// If there is no memory for the stack.
#[expect(unsafe_code, reason = "may can't check what its coroutines do with thread-locals")]
pub fn spawn(name: &str, stack_size: usize, body: impl FnOnce() + Send + 'static) -> Result<()> {
    // may counts in words, and measures stacks of an odd number of them.
    let words = (stack_size / size_of::<usize>()) & !1;
    let body = move || {
        let _on_stack = OnStack::new();
        body();
    };
    let builder = Builder::new().name(name.to_owned()).stack_size(words);
    // SAFETY: may has two requirements. First, no reference into a thread-local is held while the coroutine waits: this
    // crate and that of the scheduler have no thread-locals, and wait only in `Alarm::wait`, `Shared::next`,
    // `block_on`, `wait_drained` and `yield_now`, where no frame of theirs or of the engine holds one. Jobs and
    // listeners are responsible for this when they wait, as with `may::go!` and as documented by the crates. Second,
    // the stack is large enough: below it is an inaccessible page, so an overflow ends the process and touches nothing
    // else.
    //
    // may does not document the following (0.3.51): the thread that puts a coroutine to sleep (`subscribe` of `Park`
    // and of `Sleep`) still writes to its `Coroutine` when others can already resume it. If it ended meanwhile, the
    // memory would be freed. So handles are never dropped, which keeps the memory.
    let spawn = || unsafe { builder.spawn(body) };
    let failed = |cause: String| {
        Error::new(ErrorKind::Other, format!("can't start a coroutine `{name}`: {cause}"))
    };
    // may panics if the system has no memory.
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
    fn a_stack_that_is_too_large_is_an_error() {
        let (sender, receiver) = channel::<()>();
        let error = spawn("giant", usize::MAX / 2, move || drop(sender)).unwrap_err();
        assert!(error.to_string().starts_with("can't start a coroutine `giant`: "), "{error}");
        assert!(receiver.recv().is_err(), "the body is still there");
    }
}
