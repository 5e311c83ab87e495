//! Plain functions, in threads for blocking calls.

use apscheduler_core::executor::{Run, Runtime};

use super::worker::{Worker, no_timers};
use crate::executor::execute::start_timer;

/// Takes runs until none is left.
pub(super) fn work<R: Runtime>(mut worker: Worker<R>) {
    while let Some(run) = worker.next() {
        let _scope = worker.enter();
        execute(&*worker.runtime, run);
    }
}

fn execute(runtime: &impl Runtime, mut run: Run) {
    let token = run.cancellation().cloned().unwrap_or_default();
    loop {
        let timer = start_timer(&mut run, Some(&token));
        let Some(invocation) = run.begin() else { break };
        let result = match run.timeout().map(|_| runtime.check()) {
            Some(Err(error)) => Err(no_timers(&error)),
            _ => invocation.call(),
        };
        drop(timer);
        run.finish(result);
        if token.is_cancelled() {
            // The executor was shut down: the rest of the run is dropped.
            break;
        }
    }
}
