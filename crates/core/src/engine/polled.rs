//! Whose async job it is that this thread polls right now.

use std::cell::Cell;
use std::sync::Arc;

use super::Scheduler;

thread_local! {
    /// The address of the engine.
    static POLLED: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Notes whose job is polled until it is dropped.
pub(crate) struct Polled(Option<usize>);

impl Polled {
    /// A job of this scheduler is polled.
    pub(crate) fn by(scheduler: &Scheduler) -> Self {
        Self(POLLED.replace(Some(scheduler.address())))
    }
}

impl Drop for Polled {
    fn drop(&mut self) {
        POLLED.set(self.0);
    }
}

impl Scheduler {
    /// Whether this is called within an async job of this very scheduler.
    pub(crate) fn polls_job(&self) -> bool {
        POLLED.get() == Some(self.address())
    }

    fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}
