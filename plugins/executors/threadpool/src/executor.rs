//! The pool.

use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError};

use apscheduler_core::Result;
use apscheduler_core::executor::{Executor, ExecutorCapabilities, ExecutorLoad, Run};

use crate::options::ThreadPoolOptions;
use crate::queue::Queue;

/// Runs jobs in up to `max_workers` threads, which are started as they are needed.
#[derive(Debug)]
pub struct ThreadPoolExecutor {
    max_workers: usize,
    thread_name_prefix: Option<String>,
    alias: Mutex<String>,
    queue: Arc<Queue>,
}

thread_local! {
    /// The queue that this thread works for, by its address.
    static WORKS_FOR: Cell<usize> = const { Cell::new(0) };
}

impl ThreadPoolExecutor {
    /// A pool of at most so many threads, and at least one.
    pub fn new(max_workers: usize) -> Self {
        Self::with_options(&ThreadPoolOptions::default().max_workers(max_workers.max(1)))
    }

    /// A pool with these options.
    pub fn with_options(options: &ThreadPoolOptions) -> Self {
        Self {
            max_workers: options.max_workers.max(1),
            thread_name_prefix: options.thread_name_prefix(),
            alias: Mutex::default(),
            queue: Arc::default(),
        }
    }

    fn thread_name(&self) -> String {
        self.thread_name_prefix.clone().unwrap_or_else(|| {
            let alias = self.alias.lock().unwrap_or_else(PoisonError::into_inner);
            format!("apscheduler-{alias}")
        })
    }

    /// Starts a worker, which is counted already. Without it the run waits for one that exists.
    fn start_worker(&self) {
        let queue = Arc::clone(&self.queue);
        let worker = std::thread::Builder::new().name(self.thread_name()).spawn(move || {
            WORKS_FOR.set(address(&queue));
            // Runs catch the panics of jobs; should a listener's get here, the count must be right all the same.
            let ended = Ended(queue);
            while let Some(run) = ended.0.pop() {
                run.execute();
            }
        });
        if let Err(error) = worker {
            self.queue.worker_ended();
            tracing::error!("can't start a worker thread: {error}");
            if self.queue.load().1 == 0 {
                // Nobody would ever run it.
                while let Some(run) = self.queue.try_pop() {
                    run.execute();
                }
            }
        }
    }
}

struct Ended(Arc<Queue>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.worker_ended();
    }
}

fn address(queue: &Arc<Queue>) -> usize {
    Arc::as_ptr(queue).addr()
}

impl Executor for ThreadPoolExecutor {
    fn capabilities(&self) -> ExecutorCapabilities {
        ExecutorCapabilities { in_process: true, sync_jobs: true, async_jobs: true }
    }

    fn start(&self, alias: &str) -> Result<()> {
        alias.clone_into(&mut self.alias.lock().unwrap_or_else(PoisonError::into_inner));
        self.queue.open();
        Ok(())
    }

    fn submit(&self, run: Run) {
        self.submit_all(vec![run]);
    }

    fn submit_all(&self, runs: Vec<Run>) {
        match self.queue.push(runs, self.max_workers) {
            Ok(more) => (0..more).for_each(|_| self.start_worker()),
            // Their end is told to the listeners outside of the lock.
            Err(runs) => drop(runs),
        }
    }

    fn room(&self) -> usize {
        self.queue.room()
    }

    fn load(&self) -> ExecutorLoad {
        let (queued, running) = self.queue.load();
        ExecutorLoad { queued, running }
    }

    fn shutdown(&self, wait: bool) {
        drop(self.queue.close(wait));
        if wait {
            // A job that shuts its own scheduler down can't wait for itself.
            let inside = WORKS_FOR.get() == address(&self.queue);
            self.queue.wait_drained(usize::from(inside));
        }
    }
}

impl Drop for ThreadPoolExecutor {
    fn drop(&mut self) {
        drop(self.queue.close(false));
    }
}
