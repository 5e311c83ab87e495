//! Closes stores at a shutdown. A store that hangs delays the shutdown only if it has to wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::event_loop::in_thread;
use super::lock::lock;
use super::state::Stores;
use super::store_runner::StoreRunner;

/// The time that a shutdown that does not wait allows stores for closing: enough for a responsive
/// backend.
const GRACE: Duration = Duration::from_secs(2);

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
        // What waits to be recorded is written before the store is closed.
        self.stop_recording();
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
