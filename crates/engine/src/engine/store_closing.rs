//! Stores are closed at a shutdown, which does not wait for one that hangs unless it is told to.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::store_runner::StoreRunner;
use super::{Stores, in_thread, lock};

/// How long a shutdown that does not wait gives stores to close: enough for one that answers.
const GRACE: Duration = Duration::from_secs(2);

/// Whether a store is being closed.
#[derive(Debug, Default)]
pub(super) struct Closing {
    under_way: Mutex<bool>,
    ended: Condvar,
}

impl Closing {
    /// Returns when no shutdown is closing the store any more.
    pub(super) fn wait(&self) {
        let mut under_way = lock(&self.under_way);
        while *under_way {
            under_way = self.ended.wait(under_way).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The same, but not for longer than this. Says whether it has ended.
    fn wait_for(&self, time: Duration) -> bool {
        let under_way = lock(&self.under_way);
        let waited = self.ended.wait_timeout_while(under_way, time, |under_way| *under_way);
        !*waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Closes a store when it is dropped, which is somewhere else than in the thread that can't wait.
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
    /// Lets go of the watch and the backend.
    pub(super) fn close(&self) {
        // A look of the watch that waits for the backend is cut short by the shutdown of the store.
        let watch = self.session().take_watch();
        if let Err(error) = self.store.shutdown() {
            let message = error.chain();
            tracing::error!(jobstore = &*self.alias, "closing the job store failed: {message}");
        }
        drop(watch);
    }
}

/// Closes stores whose passes have been stopped. Without `wait` each that does I/O is closed by a thread, and those that
/// take long are left to that.
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
