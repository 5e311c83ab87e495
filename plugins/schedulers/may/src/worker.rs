//! The coroutines that take runs from the queue.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use apscheduler_core::executor::{CancellationToken, Invocation, Run};
use apscheduler_core::function::{JobError, JobResult};
use apscheduler_plugin_kit::executor::Timer;
use may::coroutine::yield_now;

use crate::block_on::block_on;
use crate::queue::{Found, Place, Queue, Taken};
use crate::spawn::spawn;

/// After so many runs that did not wait for anything, others may have the thread.
const TURN: usize = 64;

/// A timeout that is longer never comes.
const FOR_EVER: Duration = Duration::from_secs(24 * 365 * 10 * 60 * 60);

// The queue that this coroutine works for, by its address.
may::coroutine_local!(static WORKS_FOR: Cell<usize> = Cell::new(0));

fn address(queue: &Arc<Queue>) -> usize {
    Arc::as_ptr(queue).addr()
}

/// A coroutine's place in the counts, until it is dropped.
struct Worker {
    queue: Arc<Queue>,
    place: Place,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.queue.leave(self.place);
    }
}

/// Starts coroutines, which are counted already. Where there can be none, the runs wait for those that exist.
pub(crate) fn start(queue: &Arc<Queue>, count: usize) {
    let mut failure = None;
    for _ in 0..count {
        let worker = Worker { queue: Arc::clone(queue), place: Place::Starting };
        let started = spawn(&queue.name(), queue.stack_size(), move || work(worker));
        failure = started.err().or(failure);
    }
    if let Some(error) = failure {
        tracing::error!("{error}");
        // Their end is told to the listeners outside of the lock.
        drop(queue.abandoned());
    }
}

/// Returns when all runs have ended but the one that calls it.
pub(crate) fn wait_drained(queue: &Arc<Queue>) {
    let inside = WORKS_FOR.with(Cell::get) == address(queue);
    if inside {
        start(queue, queue.lend_place());
    }
    while let Some(end) = queue.until_drained() {
        // Blocks a thread, and suspends a coroutine.
        let _ = end.recv();
    }
    if inside {
        queue.take_place_back();
    }
}

fn work(mut worker: Worker) {
    WORKS_FOR.with(|works_for| works_for.set(address(&worker.queue)));
    let mut turn = 0;
    loop {
        match worker.queue.next(&mut worker.place) {
            Found::Run(taken) => execute(&worker.queue, taken),
            Found::Nothing => {}
            Found::End => return,
        }
        turn += 1;
        if turn % TURN == 0 {
            yield_now();
        }
    }
}

fn execute(queue: &Queue, taken: Taken) {
    let Taken { mut run, mut token, number } = taken;
    run.set_cancellation(token.clone());
    while let Some(started) = run.begin() {
        let result = call(&run, &started, &token);
        run.finish(result);
        if token.is_cancelled() {
            // If it took too long, that is over with this run time. If all runs are to end, so is the run.
            let Some(new) = number.and_then(|number| queue.renew(number)) else { break };
            token = new;
            run.set_cancellation(token.clone());
        }
    }
    if let Some(number) = number {
        queue.forget_token(number);
    }
}

fn call(run: &Run, started: &Invocation, token: &CancellationToken) -> JobResult {
    let timeout = run.timeout().filter(|timeout| *timeout < FOR_EVER);
    if run.job().function().is_async() {
        return call_async(started, token, timeout);
    }
    let timer = timeout.map(|timeout| {
        let token = token.clone();
        Timer::at(Instant::now() + timeout, move || token.cancel_at_timeout(timeout))
    });
    let result = started.call();
    drop(timer);
    result
}

fn call_async(
    started: &Invocation,
    token: &CancellationToken,
    timeout: Option<Duration>,
) -> JobResult {
    let mut future = Box::pin(started.call_async());
    let result = block_on(future.as_mut(), timeout.map(|timeout| Instant::now() + timeout));
    if result.is_none() {
        token.cancel();
    }
    // What the function holds is foreign too.
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(future)));
    dropped.map_err(|payload| JobError::from_panic(&*payload))?;
    result.unwrap_or_else(|| {
        let seconds = timeout.unwrap_or_default().as_secs_f64();
        Err(JobError::new(format!("it took longer than its timeout of {seconds} s")))
    })
}
