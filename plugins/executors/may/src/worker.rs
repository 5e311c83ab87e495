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

/// A longer timeout is none.
const LONGEST_TIMEOUT: Duration = Duration::from_hours(24 * 365 * 10);

// The executor that this coroutine works for, by its address. `ThreadScope` can't tell: coroutines change their threads.
may::coroutine_local!(static WORKS_FOR: Cell<usize> = Cell::new(0));

fn address(shared: &Arc<Shared>) -> usize {
    Arc::as_ptr(shared).addr()
}

/// A coroutine, which is counted until this is dropped.
struct Worker {
    shared: Arc<Shared>,
    state: WorkerState,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.leave(self.state);
    }
}

/// Starts coroutines, which are counted already. If one can't be started, the runs wait for those that exist.
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

/// Returns when all runs have ended but the calling one.
pub(crate) fn wait_drained(shared: &Arc<Shared>) {
    let inside = WORKS_FOR.with(Cell::get) == address(shared);
    if inside {
        start(shared, shared.lend_place());
    }
    while let Some(end) = shared.until_drained() {
        // Blocks a thread, and suspends a coroutine.
        let _ = end.recv();
    }
    if inside {
        shared.take_place_back();
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
            // The executor was shut down: what is left of the run is dropped.
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
    if result.is_none() {
        token.cancel();
    }
    // The values that the function holds are foreign too.
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(future)));
    dropped.map_err(|payload| JobError::from_panic(&*payload))?;
    result.unwrap_or_else(|| {
        let seconds = timeout.unwrap_or_default().as_secs_f64();
        Err(JobError::new(format!("it took longer than its timeout of {seconds} s")))
    })
}
