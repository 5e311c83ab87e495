//! Plain functions, on the blocking pool.

use std::time::Duration;

use apscheduler_core::executor::{CancellationToken, Run};
use apscheduler_core::function::JobError;
use tokio::task::AbortHandle;

use crate::runtime::sleep;
use crate::worker::Worker;

/// Takes runs until none is left.
pub(crate) fn work(mut worker: Worker) {
    while let Some(taken) = worker.next() {
        worker.inside(|| execute(&worker, taken.run, taken.token));
    }
}

fn execute(worker: &Worker, mut run: Run, mut token: CancellationToken) {
    run.set_cancellation(token.clone());
    while let Some(started) = run.begin() {
        let result = match run.timeout().map(|timeout| Timer::start(timeout, &token)) {
            Some(Err(error)) => Err(error),
            timer => {
                let result = started.call();
                drop(timer);
                result
            }
        };
        run.finish(result);
        if !worker.goes_on(&mut run, &mut token) {
            break;
        }
    }
}

/// Cancels a token in time; a thread can't be ended otherwise.
struct Timer(AbortHandle);

impl Timer {
    fn start(timeout: Duration, token: &CancellationToken) -> Result<Self, JobError> {
        let (sleep, token) = (sleep(timeout)?, token.clone());
        let task = tokio::spawn(async move {
            sleep.await;
            token.cancel_at_timeout(timeout);
        });
        Ok(Self(task.abort_handle()))
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.0.abort();
    }
}
