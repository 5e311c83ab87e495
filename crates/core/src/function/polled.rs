//! Tracks which scheduler's async job a thread is polling.

use std::cell::Cell;
use std::sync::Arc;

use super::JobHost;

thread_local! {
    /// The address of the scheduler.
    static POLLED: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Marks the job of a scheduler as polled until it is dropped.
pub(super) struct Polled(Option<usize>);

impl Polled {
    pub(super) fn by(host: &Arc<dyn JobHost>) -> Self {
        Self(POLLED.replace(Some(address(Arc::as_ptr(host)))))
    }
}

impl Drop for Polled {
    fn drop(&mut self) {
        POLLED.set(self.0);
    }
}

/// Returns whether this thread is polling an async job of this scheduler.
pub fn polls_job_of(host: &dyn JobHost) -> bool {
    POLLED.get() == Some(address(host))
}

fn address(host: *const dyn JobHost) -> usize {
    host.cast::<()>().addr()
}
