//! Makes the scheduler look for due jobs again, soon.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use apscheduler_core::store::ChangeNotifier;

/// The watcher of a store, to be notified by the store itself: after a claim skipped due jobs that others had locked, since
/// they may release them without claiming them.
#[derive(Debug, Default)]
pub struct LookAgain(Mutex<Weak<ChangeNotifier>>);

impl LookAgain {
    /// Sets the watcher. It is notified for as long as the returned value is kept.
    pub fn set(&self, watcher: ChangeNotifier) -> Arc<ChangeNotifier> {
        let watcher = Arc::new(watcher);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&watcher);
        watcher
    }

    /// Returns the watcher, and how long to wait before notifying it. The time is random, so that schedulers that compete
    /// for the same jobs do not look at the same moment.
    pub fn watcher(&self) -> (Weak<ChangeNotifier>, Duration) {
        let watcher = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (watcher, Duration::from_millis(fastrand::u64(20..100)))
    }
}
