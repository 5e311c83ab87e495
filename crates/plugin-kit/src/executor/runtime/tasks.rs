//! Async functions, as tasks.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use apscheduler_core::executor::{
    CancellationToken, Cancelled, Invocation, Run, RunWorker, Runtime, ThreadScope,
};
use apscheduler_core::function::{JobError, JobResult};

use super::shared::Shared;
use super::worker::{Worker, no_timers};

/// After this many runs that were never suspended, other tasks get the thread.
const RUNS_PER_TURN: usize = 64;

/// Takes runs until none is left. A run that is suspended keeps the task; another task takes the next runs.
pub(super) async fn work<R: Runtime>(mut worker: Worker<R>) {
    let runtime = Arc::clone(&worker.runtime);
    let mut runs = 0;
    while let Some(run) = worker.next() {
        execute(&mut worker, &runtime, run).await;
        runs += 1;
        if runs % RUNS_PER_TURN == 0 {
            runtime.yield_now().await;
        }
    }
}

async fn execute<R: Runtime>(worker: &mut Worker<R>, runtime: &R, run: Run) {
    let shared = Arc::clone(&worker.shared);
    let mut held = HeldRun { shared: &shared, run: Some(run) };
    let Some(run) = &mut held.run else { return };
    let token = run.cancellation().cloned().unwrap_or_default();
    loop {
        let timeout = run.timeout();
        let own = if timeout.is_some() { token.child() } else { token.clone() };
        if timeout.is_some() {
            run.set_cancellation(own.clone());
        }
        let begun = {
            let _scope = worker.enter();
            run.begin()
        };
        let Some(invocation) = begun else { break };
        let result = call(worker, runtime, &invocation, &own, timeout).await;
        let _scope = worker.enter();
        run.finish(result);
        if token.is_cancelled() {
            // The executor was shut down: the rest of the run is dropped.
            break;
        }
    }
    let _scope = worker.enter();
    held.run = None;
}

/// A run that a task holds. If the task is dropped, the runtime is ending.
struct HeldRun<'a, R> {
    shared: &'a Arc<Shared<R>>,
    run: Option<Run>,
}

impl<R> Drop for HeldRun<'_, R> {
    fn drop(&mut self) {
        if let Some(run) = self.run.take() {
            let _ended = ThreadScope::enter_run(self.shared, RunWorker::Ended);
            drop(run);
        }
    }
}

/// Calls the function, until it ends or has to be dropped.
async fn call<R: Runtime>(
    worker: &mut Worker<R>,
    runtime: &R,
    invocation: &Invocation,
    token: &CancellationToken,
    timeout: Option<Duration>,
) -> JobResult {
    let cancelled = invocation.context().cancellation().cancelled();
    let mut end = ForcedEnd::new(runtime, (token, cancelled), timeout, worker.shared.grace())?;
    let mut job = pin!(Some(invocation.call_async()));
    let result = poll_fn(|context| {
        let polled = {
            let _scope = worker.enter();
            job.as_mut().as_pin_mut().map(|job| job.poll(context))
        };
        if let Some(Poll::Ready(result)) = polled {
            return Poll::Ready(result);
        }
        worker.suspend();
        end.poll(context).map(Err)
    })
    .await;
    let _scope = worker.enter();
    // The values that the function holds are foreign too.
    let dropped = catch_unwind(AssertUnwindSafe(|| job.set(None)));
    dropped.map_err(|payload| JobError::from_panic(&*payload)).and(result)
}

type Sleep<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Ends a job that continues for too long after its cancellation, which comes at its timeout at the latest.
struct ForcedEnd<'a, R> {
    runtime: &'a R,
    /// Cancelled at the timeout.
    token: &'a CancellationToken,
    timeout: Option<(Duration, Sleep<'a>)>,
    /// The cancellation of the token, or of the run alone.
    cancelled: Cancelled,
    grace: Duration,
    state: EndState<'a>,
}

enum EndState<'a> {
    NotCancelled,
    Grace(Sleep<'a>),
    /// The runtime has no timers.
    NoGrace,
}

impl<'a, R: Runtime> ForcedEnd<'a, R> {
    fn new(
        runtime: &'a R,
        (token, cancelled): (&'a CancellationToken, Cancelled),
        timeout: Option<Duration>,
        grace: Duration,
    ) -> Result<Self, JobError> {
        let timeout = match timeout {
            Some(timeout) => {
                runtime.check().map_err(|error| no_timers(&error))?;
                Some((timeout, Box::pin(runtime.sleep(timeout)) as Sleep<'a>))
            }
            None => None,
        };
        Ok(Self { runtime, token, timeout, cancelled, grace, state: EndState::NotCancelled })
    }

    /// Returns the error of the job when it has to be dropped.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<JobError> {
        if matches!(self.state, EndState::NotCancelled) {
            if let Some((timeout, deadline)) = &mut self.timeout
                && deadline.as_mut().poll(context).is_ready()
            {
                self.token.cancel_at_timeout(*timeout);
                self.begin_grace();
            } else if Pin::new(&mut self.cancelled).poll(context).is_ready() {
                self.begin_grace();
            }
        }
        let ended = match &mut self.state {
            EndState::NotCancelled => Poll::Pending,
            EndState::Grace(sleep) => sleep.as_mut().poll(context),
            EndState::NoGrace => Poll::Ready(()),
        };
        ended.map(|()| {
            JobError::new(format!("it was cancelled and did not end within {:?}", self.grace))
        })
    }

    fn begin_grace(&mut self) {
        self.state = match self.runtime.check() {
            Ok(()) => EndState::Grace(Box::pin(self.runtime.sleep(self.grace))),
            Err(_) => EndState::NoGrace,
        };
    }
}
