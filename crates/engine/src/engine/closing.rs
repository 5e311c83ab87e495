//! The state of the shutdown of a store.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::lock::lock;

/// Whether a store is being closed.
#[derive(Debug, Default)]
pub(super) struct Closing {
    pub(super) under_way: Mutex<bool>,
    pub(super) ended: Condvar,
}

impl Closing {
    /// Waits until no shutdown is closing the store.
    pub(super) fn wait(&self) {
        let mut under_way = lock(&self.under_way);
        while *under_way {
            under_way = self.ended.wait(under_way).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits likewise, but at most for `time`. Returns whether the closing has ended.
    pub(super) fn wait_for(&self, time: Duration) -> bool {
        let under_way = lock(&self.under_way);
        let waited = self.ended.wait_timeout_while(under_way, time, |under_way| *under_way);
        !*waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
