//! Threads that take runs from a queue: the base of pools of threads and of processes.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use apscheduler_core::Shutdown;
use apscheduler_core::executor::{ExecutorLoad, Run, RunWorker, ThreadScope};

use super::warn_of_task_limit;
use super::worker_queue::{Next, WorkerQueue, WorkerState};

/// The threads of an executor: a limited number, started when they are needed, with a queue of runs.
///
/// When 10,000 runs wait there is no [`room`](Self::room) until half of them have started.
///
/// # Examples
/// ```
/// use apscheduler_core::{Result, Shutdown};
/// use apscheduler_core::executor::{Executor, ExecutorCapabilities, ExecutorLoad, Run};
/// use apscheduler_plugin_kit::executor::{RunExt, RunThreads};
///
/// #[derive(Debug)]
/// struct TwoThreads(RunThreads);
///
/// impl TwoThreads {
///     fn new() -> Self {
///         Self(RunThreads::new(2, |runs| runs.for_each(RunExt::execute)))
///     }
/// }
///
/// impl Executor for TwoThreads {
///     fn capabilities(&self) -> ExecutorCapabilities {
///         ExecutorCapabilities::new().in_process(true).sync_jobs(true).async_jobs(true)
///     }
///
///     fn start(&self, alias: &str) -> Result<()> {
///         self.0.open(&format!("two-{alias}"));
///         Ok(())
///     }
///
///     fn submit(&self, run: Run) {
///         self.0.submit(vec![run]);
///     }
///
///     fn room(&self) -> usize {
///         self.0.room()
///     }
///
///     fn load(&self) -> ExecutorLoad {
///         self.0.load()
///     }
///
///     fn shutdown(&self, shutdown: Shutdown) {
///         self.0.shutdown(shutdown);
///     }
/// }
/// # let _ = TwoThreads::new();
/// ```
pub struct RunThreads {
    max_threads: usize,
    name: Mutex<Arc<str>>,
    shared: Arc<Shared>,
    work: Arc<Work>,
}

type Work = dyn Fn(&mut QueuedRuns) + Send + Sync;

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Threads have been woken: there is a run, or the queue is closed.
    woken: Condvar,
    /// A thread has ended.
    ended: Condvar,
}

#[derive(Debug)]
struct State {
    queue: WorkerQueue,
    /// Threads that were woken and have not noticed it yet.
    wakes: usize,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Jobs run outside of the lock, so a panic can't leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, mut state: MutexGuard<'_, State>, count: usize) {
        state.wakes += count;
        drop(state);
        for _ in 0..count {
            self.woken.notify_one();
        }
    }
}

impl RunThreads {
    /// Creates a pool of at most this many threads, and at least one. Each calls `work` once, which takes runs until there
    /// are no more.
    pub fn new(max_threads: usize, work: impl Fn(&mut QueuedRuns) + Send + Sync + 'static) -> Self {
        let max_threads = max_threads.max(1);
        let state = Mutex::new(State { queue: WorkerQueue::new(max_threads), wakes: 0 });
        Self {
            max_threads,
            name: Mutex::new("apscheduler".into()),
            shared: Arc::new(Shared { state, woken: Condvar::new(), ended: Condvar::new() }),
            work: Arc::new(work),
        }
    }

    /// Accepts runs, again after a shutdown. New threads get this name.
    pub fn open(&self, thread_name: &str) {
        let executor = thread_name.strip_prefix("apscheduler-").unwrap_or(thread_name);
        warn_of_task_limit(executor, "max_workers", self.max_threads);
        *self.name.lock().unwrap_or_else(PoisonError::into_inner) = thread_name.into();
        self.shared.state().queue.open();
    }

    /// Takes runs, in order, and starts threads for them. Drops them after a shutdown.
    pub fn submit(&self, runs: Vec<Run>) {
        let mut state = self.shared.state();
        match state.queue.push(runs) {
            Ok(wanted) => {
                self.shared.wake(state, wanted.wake);
                (0..wanted.start).for_each(|_| self.start_thread());
            }
            Err(runs) => {
                // Listeners receive their outcomes outside the lock.
                drop(state);
                drop(runs);
            }
        }
    }

    /// Returns how many more runs it would like to take now.
    pub fn room(&self) -> usize {
        self.shared.state().queue.room()
    }

    /// Returns the maximum number of threads.
    pub fn capacity(&self) -> usize {
        self.max_threads
    }

    /// Returns how many runs wait, and how many threads have one.
    pub fn load(&self) -> ExecutorLoad {
        self.shared.state().queue.load()
    }

    /// Takes no more runs. With [`Shutdown::Wait`] it returns when all threads have ended, except for the calling one. With
    /// [`Shutdown::Now`] it drops the runs that wait, cancels the token of those that run, and returns at once.
    pub fn shutdown(&self, shutdown: Shutdown) {
        let mut state = self.shared.state();
        let (closed, woken) = state.queue.close(shutdown);
        self.shared.wake(state, woken);
        drop(closed);
        if shutdown == Shutdown::Wait {
            // A job that shuts its own scheduler down can't wait for itself.
            let own = usize::from(ThreadScope::current().worker_of(&self.shared).is_some());
            let mut state = self.shared.state();
            while state.queue.workers() > own {
                state = self.shared.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Starts a thread, which is counted already. Without it the runs wait for the threads that exist.
    fn start_thread(&self) {
        let name = self.name.lock().unwrap_or_else(PoisonError::into_inner).to_string();
        let (shared, work) = (Arc::clone(&self.shared), Arc::clone(&self.work));
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            let _scope = ThreadScope::enter_run(&shared, RunWorker::Thread);
            // The thread is counted until this is dropped, also if `work` panics.
            work(&mut QueuedRuns::new(&shared, true));
        });
        if let Err(error) = thread {
            tracing::error!("can't start a thread for jobs: {error}");
            let mut runs = QueuedRuns::new(&self.shared, false);
            if self.shared.state().queue.workers() == 1 {
                // No other thread would ever take the runs.
                (self.work)(&mut runs);
            }
        }
    }
}

impl Drop for RunThreads {
    fn drop(&mut self) {
        self.shutdown(Shutdown::Now);
    }
}

impl fmt::Debug for RunThreads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunThreads")
            .field("max_threads", &self.max_threads)
            .field("load", &self.load())
            .finish_non_exhaustive()
    }
}

/// The runs for one thread of a [`RunThreads`]: waits for the next run, and ends when the executor has been shut down and no
/// run is left.
///
/// A call of `next` means that the previous run has ended.
#[derive(Debug)]
pub struct QueuedRuns {
    shared: Arc<Shared>,
    worker: WorkerState,
    /// Whether it waits for runs; otherwise it ends when no run is left.
    waits: bool,
}

impl QueuedRuns {
    fn new(shared: &Arc<Shared>, waits: bool) -> Self {
        Self { shared: Arc::clone(shared), worker: WorkerState::Seeking, waits }
    }
}

impl Iterator for QueuedRuns {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        let mut state = self.shared.state();
        loop {
            let next = if self.waits {
                state.queue.next(&mut self.worker)
            } else {
                state.queue.next_or_end(&mut self.worker)
            };
            match next {
                Next::Run(run) => return Some(run),
                Next::End => return None,
                Next::Wait => {
                    while state.wakes == 0 {
                        let waited = self.shared.woken.wait(state);
                        state = waited.unwrap_or_else(PoisonError::into_inner);
                    }
                    state.wakes -= 1;
                }
            }
        }
    }
}

impl Drop for QueuedRuns {
    fn drop(&mut self) {
        self.shared.state().queue.leave(self.worker);
        self.shared.ended.notify_all();
    }
}
