//! Threads that take runs from a queue: what pools of threads and of processes have in common.

use std::cell::Cell;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::queue::{QueuedRuns, RunQueue};
use super::warn_of_task_limit;
use apscheduler_core::Shutdown;
use apscheduler_core::executor::{ExecutorLoad, Run};

/// The threads of an executor: up to so many, started as they are needed, and fed from a queue.
///
/// When the queue is full there is no [`room`](Self::room) until half of it is worked off.
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
    queue: Arc<RunQueue>,
    work: Arc<Work>,
}

type Work = dyn Fn(&mut QueuedRuns) + Send + Sync;

thread_local! {
    /// The queue that this thread works for, by its address.
    static WORKS_FOR: Cell<usize> = const { Cell::new(0) };
}

fn address(queue: &Arc<RunQueue>) -> usize {
    Arc::as_ptr(queue).addr()
}

impl RunThreads {
    /// At most so many threads, and at least one. Each calls `work` once, which takes its runs until there are no more.
    pub fn new(max_threads: usize, work: impl Fn(&mut QueuedRuns) + Send + Sync + 'static) -> Self {
        Self {
            max_threads: max_threads.max(1),
            name: Mutex::new("apscheduler".into()),
            queue: Arc::default(),
            work: Arc::new(work),
        }
    }

    /// Takes runs from now on, again after a shutdown. New threads get this name.
    pub fn open(&self, thread_name: &str) {
        let executor = thread_name.strip_prefix("apscheduler-").unwrap_or(thread_name);
        warn_of_task_limit(executor, "max_workers", self.max_threads);
        *self.name.lock().unwrap_or_else(PoisonError::into_inner) = thread_name.into();
        self.queue.open();
    }

    /// Takes runs, in order, and starts threads for them.
    pub fn submit(&self, runs: Vec<Run>) {
        match self.queue.push(runs, self.max_threads) {
            Ok(more) => (0..more).for_each(|_| self.start_thread()),
            // Their end is told to the listeners outside of the lock.
            Err(runs) => drop(runs),
        }
    }

    /// How many runs may be submitted now.
    pub fn room(&self) -> usize {
        self.queue.room()
    }

    /// How many runs wait, and how many threads have one.
    pub fn load(&self) -> ExecutorLoad {
        self.queue.load()
    }

    /// Takes no more runs. With `wait` it returns when all threads have ended, except for the one that calls it; without,
    /// the runs that wait are dropped, the token of those that run is cancelled, and threads end in their own time.
    pub fn shutdown(&self, shutdown: Shutdown) {
        let wait = shutdown == Shutdown::Wait;
        drop(self.queue.close(wait));
        if wait {
            // A job that shuts its own scheduler down can't wait for itself.
            let inside = WORKS_FOR.get() == address(&self.queue);
            self.queue.wait_drained(usize::from(inside));
        }
    }

    /// Starts a thread, which is counted already. Without it the runs wait for the threads that exist.
    fn start_thread(&self) {
        let name = self.name.lock().unwrap_or_else(PoisonError::into_inner).to_string();
        let (queue, work) = (Arc::clone(&self.queue), Arc::clone(&self.work));
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            WORKS_FOR.set(address(&queue));
            // It is counted until it is dropped, and so it is should `work` panic.
            work(&mut QueuedRuns::new(&queue));
        });
        if let Err(error) = thread {
            tracing::error!("can't start a thread for jobs: {error}");
            let mut runs = QueuedRuns::new(&self.queue).impatient();
            if self.queue.workers() == 1 {
                // Nobody else would ever take them.
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
