//! The coroutines that take runs from the queue.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use apscheduler_core::executor::{CancellationToken, Invocation, Run};
use apscheduler_core::function::{JobError, JobResult};
use apscheduler_plugin_kit::executor::{Timer, WorkerState};
use may::coroutine::yield_now;

use crate::block_on::block_on;
use crate::shared::Shared;
use crate::spawn::spawn;

/// After this many runs that never waited, other coroutines get the thread.
const RUNS_PER_TURN: usize = 64;

/// A longer timeout is ignored.
const LONGEST_TIMEOUT: Duration = Duration::from_hours(24 * 365 * 10);

// The address of the executor of this coroutine. `ThreadScope` can't be used, because coroutines change threads.
may::coroutine_local!(static WORKS_FOR: Cell<usize> = Cell::new(0));

fn address(shared: &Arc<Shared>) -> usize {
    Arc::as_ptr(shared).addr()
}

/// Counts a coroutine until it is dropped.
struct Worker {
    shared: Arc<Shared>,
    state: WorkerState,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.leave(self.state);
    }
}

/// Starts coroutines that are already counted. If one can't be started, the runs wait for the existing ones.
pub(crate) fn start(shared: &Arc<Shared>, count: usize) {
    let mut failure = None;
    for _ in 0..count {
        let worker = Worker { shared: Arc::clone(shared), state: WorkerState::Seeking };
        let started = spawn(&shared.name(), shared.stack_size(), move || work(worker));
        failure = started.err().or(failure);
    }
    if let Some(error) = failure {
        tracing::error!("{error}");
        shared.drop_orphans();
    }
}

/// Returns when all runs except the calling one have ended.
pub(crate) fn wait_drained(shared: &Arc<Shared>) {
    let inside = WORKS_FOR.with(Cell::get) == address(shared);
    if inside {
        start(shared, shared.lend_slot());
    }
    while let Some(end) = shared.until_drained() {
        // Blocks a thread, and suspends a coroutine.
        let _ = end.recv();
    }
    if inside {
        shared.reclaim_slot();
    }
}

fn work(mut worker: Worker) {
    WORKS_FOR.with(|works_for| works_for.set(address(&worker.shared)));
    let mut runs = 0;
    while let Some(run) = worker.shared.next(&mut worker.state) {
        execute(run);
        runs += 1;
        if runs % RUNS_PER_TURN == 0 {
            yield_now();
        }
    }
}

fn execute(mut run: Run) {
    let token = run.cancellation().cloned().unwrap_or_default();
    let timeout = run.timeout().filter(|timeout| *timeout < LONGEST_TIMEOUT);
    loop {
        let own = if timeout.is_some() { token.child() } else { token.clone() };
        if timeout.is_some() {
            run.set_cancellation(own.clone());
        }
        let Some(invocation) = run.begin() else { break };
        let is_async = run.job().function().is_async();
        let result = if is_async {
            call_async(&invocation, &own, timeout)
        } else {
            call_plain(&invocation, &own, timeout)
        };
        run.finish(result);
        if token.is_cancelled() {
            // The executor was shut down: the rest of the run is dropped.
            break;
        }
    }
}

fn call_plain(
    invocation: &Invocation,
    token: &CancellationToken,
    timeout: Option<Duration>,
) -> JobResult {
    let timer = timeout.map(|timeout| {
        let token = token.clone();
        Timer::at(Instant::now() + timeout, move || token.cancel_at_timeout(timeout))
    });
    let result = invocation.call();
    drop(timer);
    result
}

fn call_async(
    invocation: &Invocation,
    token: &CancellationToken,
    timeout: Option<Duration>,
) -> JobResult {
    let mut future = Box::pin(invocation.call_async());
    let result = block_on(future.as_mut(), timeout.map(|timeout| Instant::now() + timeout));
    if let (None, Some(timeout)) = (&result, timeout) {
        token.cancel_at_timeout(timeout);
    }
    // The values that the function holds are foreign too.
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(future)));
    dropped.map_err(|payload| JobError::from_panic(&*payload))?;
    // The run adds that the timeout was the reason.
    result.unwrap_or_else(|| Err(JobError::new("it was dropped where it awaited something")))
}
