//! Tracks what a thread does for a scheduler or an executor right now.

use std::cell::Cell;

/// What a thread does right now. Executors are told apart by an address of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activity {
    /// Nothing that concerns a scheduler.
    #[default]
    None,
    /// It makes a turn of a scheduler that is a task of an async runtime.
    Turn,
    /// It polls a run of this executor as a task.
    Task(usize),
    /// It runs a job of this executor.
    Thread(usize),
}

thread_local! {
    static CURRENT: Cell<Activity> = const { Cell::new(Activity::None) };
}

impl Activity {
    /// Returns what the calling thread does.
    pub fn current() -> Self {
        CURRENT.get()
    }

    /// Marks the calling thread until the guard is dropped.
    #[must_use = "the mark ends with the guard"]
    pub fn enter(self) -> ActivityGuard {
        ActivityGuard(CURRENT.replace(self))
    }
}

/// Restores on drop what the thread did before.
#[derive(Debug)]
pub struct ActivityGuard(Activity);

impl Drop for ActivityGuard {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}
