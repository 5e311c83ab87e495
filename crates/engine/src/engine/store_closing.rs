//! Closes stores at a shutdown. A store that hangs delays the shutdown only if it has to wait.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::store_runner::StoreRunner;
use super::{Stores, in_thread, lock};

/// The time that a shutdown that does not wait allows stores for closing: enough for a responsive
/// backend.
const GRACE: Duration = Duration::from_secs(2);

/// Whether a store is being closed.
#[derive(Debug, Default)]
pub(super) struct Closing {
    under_way: Mutex<bool>,
    ended: Condvar,
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
    fn wait_for(&self, time: Duration) -> bool {
        let under_way = lock(&self.under_way);
        let waited = self.ended.wait_timeout_while(under_way, time, |under_way| *under_way);
        !*waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Closes a store when it is dropped, on a thread other than the one that can't wait.
struct Close {
    runner: Arc<StoreRunner>,
}

impl Drop for Close {
    fn drop(&mut self) {
        self.runner.close();
        *lock(&self.runner.closing.under_way) = false;
        self.runner.closing.ended.notify_all();
    }
}

impl StoreRunner {
    /// Drops the watch and shuts the backend down.
    pub(super) fn close(&self) {
        // The shutdown of the store interrupts a watch that waits for the backend.
        let watch = self.session().take_watch();
        if let Err(error) = self.store.shutdown() {
            let message = error.chain();
            tracing::error!(jobstore = &*self.alias, "closing the job store failed: {message}");
        }
        drop(watch);
    }
}

/// Closes stores whose passes have been stopped. Without `wait`, each store that does I/O is closed
/// on its own thread, and slow ones are left to it.
pub(super) fn close_all(stores: &Stores, wait: bool) {
    let mut closing = Vec::new();
    for runner in stores.values() {
        if wait || !runner.capabilities.blocking {
            runner.close();
            continue;
        }
        *lock(&runner.closing.under_way) = true;
        let close = Close { runner: Arc::clone(runner) };
        in_thread(move || drop(close));
        closing.push(runner);
    }
    let since = Instant::now();
    for runner in closing {
        if !runner.closing.wait_for(GRACE.saturating_sub(since.elapsed())) {
            tracing::warn!(
                jobstore = &*runner.alias,
                "the job store does not close; the shutdown does not wait for it"
            );
        }
    }
}
