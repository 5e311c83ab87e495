//! Async functions, as tasks.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use apscheduler_core::executor::{CancellationToken, Cancelled, Invocation, Run};
use apscheduler_core::function::{JobError, JobResult};
use tokio::time::Sleep;

use crate::runtime::sleep;
use crate::shared::Shared;
use crate::worker::{Inside, Worker};

/// After so many runs that did not await anything, others may have the thread.
const TURN: usize = 64;

/// Takes runs until none is left. A run that awaits something keeps the task; another takes the runs behind it.
pub(crate) async fn work(mut worker: Worker) {
    let mut turn = 0;
    while let Some(taken) = worker.next() {
        execute(&mut worker, taken.run, taken.token).await;
        turn += 1;
        if turn % TURN == 0 {
            tokio::task::yield_now().await;
        }
    }
}

async fn execute(worker: &mut Worker, run: Run, mut token: CancellationToken) {
    let shared = Arc::clone(&worker.shared);
    let mut held = Held { shared: &shared, run: Some(run) };
    let Some(run) = &mut held.run else { return };
    run.set_cancellation(token.clone());
    while let Some(started) = worker.inside(|| run.begin()) {
        let result = call(worker, &started, &token, run.timeout()).await;
        worker.inside(|| run.finish(result));
        if !worker.goes_on(run, &mut token) {
            break;
        }
    }
    worker.inside(|| held.run = None);
}

/// A run that a task holds. If the task is dropped, that is because the runtime ends.
struct Held<'a> {
    shared: &'a Arc<Shared>,
    run: Option<Run>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(run) = self.run.take() {
            Inside::nowhere(self.shared, || drop(run));
        }
    }
}

/// Calls the function, until it ends or its time is over.
async fn call(
    worker: &mut Worker,
    started: &Invocation,
    token: &CancellationToken,
    timeout: Option<Duration>,
) -> JobResult {
    let mut limits = Limits::new(token, timeout, worker.shared.grace())?;
    let mut job = pin!(Some(started.call_async()));
    let result = poll_fn(|context| {
        let polled = worker.inside(|| job.as_mut().as_pin_mut().map(|job| job.poll(context)));
        if let Some(Poll::Ready(result)) = polled {
            return Poll::Ready(result);
        }
        worker.park();
        limits.poll(context).map(Err)
    })
    .await;
    // What the function holds is foreign too.
    let dropped = worker.inside(|| catch_unwind(AssertUnwindSafe(|| job.set(None))));
    dropped.map_err(|payload| JobError::from_panic(&*payload)).and(result)
}

/// When a run is asked to end, and when it is made to.
struct Limits<'a> {
    token: &'a CancellationToken,
    timeout: Option<(Duration, Pin<Box<Sleep>>)>,
    cancelled: Cancelled,
    grace: Duration,
    end: Option<Option<Pin<Box<Sleep>>>>,
}

impl<'a> Limits<'a> {
    fn new(
        token: &'a CancellationToken,
        timeout: Option<Duration>,
        grace: Duration,
    ) -> Result<Self, JobError> {
        let timeout = match timeout {
            Some(timeout) => Some((timeout, sleep(timeout)?)),
            None => None,
        };
        Ok(Self { token, timeout, cancelled: token.cancelled(), grace, end: None })
    }

    /// The error with which the run ends now.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<JobError> {
        if self.end.is_none() {
            if let Some((timeout, deadline)) = &mut self.timeout
                && deadline.as_mut().poll(context).is_ready()
            {
                self.token.cancel_at_timeout(*timeout);
                self.begin_grace();
            } else if Pin::new(&mut self.cancelled).poll(context).is_ready() {
                self.begin_grace();
            }
        }
        match &mut self.end {
            None => Poll::Pending,
            Some(over) => {
                // Without a timer there is no time of grace.
                let over =
                    over.as_mut().map_or(Poll::Ready(()), |over| over.as_mut().poll(context));
                over.map(|()| {
                    JobError::new(format!(
                        "it was cancelled and did not end within {:?}",
                        self.grace
                    ))
                })
            }
        }
    }

    fn begin_grace(&mut self) {
        self.end = Some(sleep(self.grace).ok());
    }
}
