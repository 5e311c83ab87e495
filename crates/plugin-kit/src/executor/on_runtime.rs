//! Runs jobs on an async runtime.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use super::RunExt as _;
use apscheduler_core::{Result, Shutdown};
use apscheduler_core::executor::{
    Activity, CancellationToken, Executor, ExecutorCapabilities, ExecutorLoad, Run, Runtime,
};
use apscheduler_core::function::{JobError, JobResult};

/// How many runs may be on the runtime before the scheduler holds back.
const CAPACITY: usize = 10_000;

/// Runs async functions as tasks of a runtime, and plain ones where it makes blocking calls.
///
/// It ends async functions that exceed the `timeout` of their job where they await something. If the runtime ends first,
/// the runs on it are errors.
///
/// A shutdown that waits blocks its caller. A task of a runtime with one thread must not call it there, but await the
/// [`shutdown`](crate::schedulers::AsyncScheduler::shutdown) of the scheduler. Called from within an async job, or from a
/// listener or a job in the scheduler's own task, it does not wait.
pub struct RuntimeExecutor<R: Runtime> {
    given: Option<R>,
    shared: Arc<Shared<R>>,
}

struct Shared<R> {
    state: Mutex<State<R>>,
    ended: Condvar,
}

struct State<R> {
    /// Behind an `Arc`, since a clone of it must not be made under the lock: it is foreign.
    runtime: Option<Arc<R>>,
    open: bool,
    queued: usize,
    running: usize,
    token: CancellationToken,
}

impl<R: Runtime> RuntimeExecutor<R> {
    /// An executor on the runtime in whose context its scheduler is started.
    pub fn new() -> Self {
        Self::with_runtime(None)
    }

    /// An executor on this runtime.
    pub fn on(runtime: R) -> Self {
        Self::with_runtime(Some(runtime))
    }

    fn with_runtime(given: Option<R>) -> Self {
        let state = State {
            runtime: None,
            open: false,
            queued: 0,
            running: 0,
            token: CancellationToken::new(),
        };
        Self { given, shared: Arc::new(Shared { state: Mutex::new(state), ended: Condvar::new() }) }
    }
}

impl<R: Runtime> Default for RuntimeExecutor<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R> Shared<R> {
    fn state(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn address(self: &Arc<Self>) -> usize {
        Arc::as_ptr(self).addr()
    }
}

/// A run on the runtime; it is counted until this is dropped, wherever that is.
struct Ticket<R> {
    shared: Arc<Shared<R>>,
    run: Option<Run>,
    token: CancellationToken,
    started: bool,
}

impl<R: Runtime> Ticket<R> {
    /// The run, unless the executor was shut down before it started.
    fn start(&mut self) -> Option<Run> {
        if self.token.is_cancelled() {
            return None;
        }
        self.started = true;
        let mut state = self.shared.state();
        state.queued -= 1;
        state.running += 1;
        drop(state);
        let mut run = self.run.take()?;
        run.set_cancellation(self.token.clone());
        Some(run)
    }

    async fn run_async(mut self, runtime: R) {
        let Some(mut run) = self.start() else { return };
        let inside = Activity::Task(self.shared.address());
        loop {
            let token = match run.timeout() {
                Some(_) => self.token.child(),
                None => self.token.clone(),
            };
            run.set_cancellation(token.clone());
            let begun = {
                let _inside = inside.enter();
                run.begin()
            };
            let Some(started) = begun else { break };
            let result = self.within_timeout(&run, started.call_async(), &runtime, &token).await;
            let _inside = inside.enter();
            run.finish(result);
        }
        let _inside = inside.enter();
        drop(run);
    }

    async fn within_timeout(
        &self,
        run: &Run,
        call: impl Future<Output = JobResult>,
        runtime: &R,
        token: &CancellationToken,
    ) -> JobResult {
        let inside = Activity::Task(self.shared.address());
        let mut call = pin!(call);
        let mut timeout = pin!(async {
            match run.timeout() {
                Some(timeout) => {
                    runtime.sleep(timeout).await;
                    timeout
                }
                None => std::future::pending().await,
            }
        });
        poll_fn(|context| {
            let _inside = inside.enter();
            if let Poll::Ready(result) = call.as_mut().poll(context) {
                return Poll::Ready(result);
            }
            timeout.as_mut().poll(context).map(|timeout| {
                // What the function has spawned may look at it.
                token.cancel();
                let seconds = timeout.as_secs_f64();
                Err(JobError::new(format!("it took longer than its timeout of {seconds} s")))
            })
        })
        .await
    }

    fn run_plain(mut self) {
        let _inside = Activity::Thread(self.shared.address()).enter();
        if let Some(run) = self.start() {
            run.execute();
        }
    }
}

impl<R> Drop for Ticket<R> {
    fn drop(&mut self) {
        // An end without an outcome is told to the listeners before the run counts as gone.
        drop(self.run.take());
        let mut state = self.shared.state();
        if self.started {
            state.running -= 1;
        } else {
            state.queued -= 1;
        }
        drop(state);
        self.shared.ended.notify_all();
    }
}

impl<R: Runtime> Executor for RuntimeExecutor<R> {
    fn capabilities(&self) -> ExecutorCapabilities {
        ExecutorCapabilities::new().in_process(true).sync_jobs(true).async_jobs(true)
    }

    fn start(&self, _alias: &str) -> Result<()> {
        let runtime = self.given.clone().map_or_else(R::current, Ok)?;
        let before = {
            let mut state = self.shared.state();
            state.open = true;
            state.token = CancellationToken::new();
            state.runtime.replace(Arc::new(runtime))
        };
        drop(before);
        Ok(())
    }

    fn submit(&self, run: Run) {
        let mut state = self.shared.state();
        let Some(runtime) = state.runtime.clone().filter(|_| state.open) else {
            drop(state);
            return drop(run);
        };
        state.queued += 1;
        let token = state.token.clone();
        drop(state);
        let is_async = run.job().function().is_async();
        let shared = Arc::clone(&self.shared);
        let ticket = Ticket { shared, run: Some(run), token, started: false };
        if is_async {
            let on = R::clone(&runtime);
            runtime.spawn(ticket.run_async(on));
        } else {
            runtime.spawn_blocking(move || ticket.run_plain());
        }
    }

    fn room(&self) -> usize {
        let state = self.shared.state();
        CAPACITY.saturating_sub(state.queued + state.running)
    }

    fn load(&self) -> ExecutorLoad {
        let state = self.shared.state();
        ExecutorLoad::new().queued(state.queued).running(state.running)
    }

    fn shutdown(&self, shutdown: Shutdown) {
        let wait = shutdown == Shutdown::Wait;
        let token = {
            let mut state = self.shared.state();
            state.open = false;
            state.token.clone()
        };
        let me = self.shared.address();
        let own = match Activity::current() {
            // Its thread may be the only one of the runtime.
            Activity::Turn if wait => return,
            Activity::Task(executor) if executor == me && wait => return,
            // A job that shuts its own scheduler down can't wait for itself.
            Activity::Thread(executor) if executor == me => 1,
            _ => 0,
        };
        if !wait {
            return token.cancel();
        }
        let mut state = self.shared.state();
        while state.queued + state.running > own {
            state = self.shared.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<R: Runtime> Drop for RuntimeExecutor<R> {
    fn drop(&mut self) {
        self.shutdown(Shutdown::Now);
    }
}

impl<R: Runtime> fmt::Debug for RuntimeExecutor<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeExecutor")
            .field("given", &self.given)
            .field("load", &self.load())
            .finish_non_exhaustive()
    }
}
