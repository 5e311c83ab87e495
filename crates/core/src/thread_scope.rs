//! Tracks what a thread is doing for schedulers and executors.

use std::cell::Cell;
use std::sync::Arc;

thread_local! {
    static CURRENT: Cell<ThreadScope> = const {
        Cell::new(ThreadScope { activity: Activity::None, polled: None })
    };
}

/// What a thread is doing: a turn of a scheduler's event loop, a run of an executor, or a poll of
/// an async job.
///
/// Calls that wait for others check it first, to avoid deadlocks. Executors and schedulers are
/// identified by the addresses of their `Arc`s.
///
/// # Examples
/// ```
/// use std::sync::Arc;
///
/// use apscheduler_core::executor::{RunWorker, ThreadScope};
///
/// let executor = Arc::new("the shared state of an executor");
/// let guard = ThreadScope::enter_run(&executor, RunWorker::Thread);
/// assert_eq!(ThreadScope::current().worker_of(&executor), Some(RunWorker::Thread));
/// drop(guard);
/// assert_eq!(ThreadScope::current().worker_of(&executor), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThreadScope {
    activity: Activity,
    /// The scheduler whose async job is being polled.
    polled: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Activity {
    #[default]
    None,
    Turn,
    Run {
        executor: usize,
        worker: RunWorker,
    },
}

/// The kind of worker that a run occupies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunWorker {
    /// A dedicated thread.
    Thread,
    /// A task that has not been suspended since the run began.
    Task,
    /// A task that has been suspended during the run, so that other tasks could use the thread.
    SuspendedTask,
    /// No worker: the run is being dropped because its worker or its runtime has ended. The thread
    /// must not wait for others.
    Ended,
}

impl ThreadScope {
    /// Returns the scope of the calling thread.
    pub fn current() -> Self {
        CURRENT.get()
    }

    /// Marks the calling thread as making a turn of a scheduler that is a task of an async runtime.
    pub fn enter_turn() -> ThreadScopeGuard {
        Self { activity: Activity::Turn, ..Self::current() }.enter()
    }

    /// Marks the calling thread as executing a run of this executor.
    pub fn enter_run<E: ?Sized>(executor: &Arc<E>, worker: RunWorker) -> ThreadScopeGuard {
        let activity = Activity::Run { executor: address(Arc::as_ptr(executor)), worker };
        Self { activity, ..Self::current() }.enter()
    }

    /// Marks the calling thread as polling an async job of this scheduler.
    pub fn enter_poll<S: ?Sized>(scheduler: &Arc<S>) -> ThreadScopeGuard {
        let polled = Some(address(Arc::as_ptr(scheduler)));
        Self { polled, ..Self::current() }.enter()
    }

    /// Returns whether the thread is making a turn of a scheduler that is a task of an async runtime.
    pub fn is_turn(self) -> bool {
        self.activity == Activity::Turn
    }

    /// Returns the worker of the run of this executor that the thread is executing, if any.
    pub fn worker_of<E: ?Sized>(self, executor: &Arc<E>) -> Option<RunWorker> {
        let wanted = address(Arc::as_ptr(executor));
        match self.activity {
            Activity::Run { executor, worker } if executor == wanted => Some(worker),
            _ => None,
        }
    }

    /// Returns whether the thread is polling an async job of this scheduler.
    pub fn polls_job_of<S: ?Sized>(self, scheduler: &S) -> bool {
        self.polled == Some(address(scheduler))
    }

    fn enter(self) -> ThreadScopeGuard {
        ThreadScopeGuard { before: CURRENT.replace(self) }
    }
}

fn address<T: ?Sized>(pointer: *const T) -> usize {
    pointer.cast::<()>().addr()
}

/// Restores the previous scope of the thread on drop.
#[derive(Debug)]
#[must_use = "the scope ends with the guard"]
pub struct ThreadScopeGuard {
    before: ThreadScope,
}

impl Drop for ThreadScopeGuard {
    fn drop(&mut self) {
        CURRENT.set(self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_nest_and_are_restored() {
        let (first, second, scheduler) = (Arc::new(1), Arc::new(2), Arc::new(3));
        let turn = ThreadScope::enter_turn();
        {
            let _run = ThreadScope::enter_run(&first, RunWorker::Task);
            let _poll = ThreadScope::enter_poll(&scheduler);
            let current = ThreadScope::current();
            assert_eq!(current.worker_of(&first), Some(RunWorker::Task));
            assert_eq!(current.worker_of(&second), None);
            assert!(current.polls_job_of(&*scheduler) && !current.is_turn());
        }
        assert!(ThreadScope::current().is_turn());
        assert!(!ThreadScope::current().polls_job_of(&*scheduler));
        drop(turn);
        assert_eq!(ThreadScope::current(), ThreadScope::default());
    }
}
