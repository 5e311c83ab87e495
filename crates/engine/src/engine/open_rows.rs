//! What a scheduler knows of the open runs in a store.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use apscheduler_core::job::JobSpec;
use apscheduler_core::run::RunId;
use apscheduler_core::time::Timestamp;

use super::lock::lock;

/// What a scheduler knows of the open runs in a store: when the first one that waits is due, and which ones it runs.
#[derive(Debug, Default)]
pub(super) struct OpenRows {
    next: Mutex<Option<Timestamp>>,
    /// The jobs of the runs that have begun here. A closure can't be written, so a store that keeps objects needs the job
    /// of a run that waits too.
    jobs: Mutex<HashMap<RunId, Arc<JobSpec>>>,
    in_doubt: AtomicBool,
    /// Others have changed the store, and perhaps its open runs.
    is_stale: AtomicBool,
}

impl OpenRows {
    /// Returns when the first run that waits is due, as far as is known.
    pub(super) fn next(&self) -> Option<Timestamp> {
        *lock(&self.next)
    }

    /// Notes that a run waits. Returns whether it is due before all others that are known.
    pub(super) fn waits(&self, due: Timestamp) -> bool {
        let mut next = lock(&self.next);
        let is_first = next.is_none_or(|next| due < next);
        if is_first {
            *next = Some(due);
        }
        is_first
    }

    /// Forgets the due time of runs that are about to be claimed.
    pub(super) fn begin_claim(&self) {
        *lock(&self.next) = None;
    }

    /// Notes that the outcome of a claim is not known.
    pub(super) fn doubt(&self) {
        self.in_doubt.store(true, Ordering::SeqCst);
    }

    /// Takes the note that the outcome of a claim is not known.
    pub(super) fn take_doubt(&self) -> bool {
        self.in_doubt.swap(false, Ordering::SeqCst)
    }

    /// Notes that others have changed the store.
    pub(super) fn others_changed(&self) {
        self.is_stale.store(true, Ordering::SeqCst);
    }

    /// Takes the note that others have changed the store.
    pub(super) fn take_stale(&self) -> bool {
        self.is_stale.swap(false, Ordering::SeqCst)
    }

    /// Notes that a run has begun here.
    pub(super) fn begin(&self, run: RunId, job: &Arc<JobSpec>) {
        let before = lock(&self.jobs).insert(run, Arc::clone(job));
        drop(before);
    }

    /// Returns the job of a run that has begun here.
    pub(super) fn job(&self, run: RunId) -> Option<Arc<JobSpec>> {
        lock(&self.jobs).get(&run).cloned()
    }

    /// Returns the runs that have begun here.
    pub(super) fn begun(&self) -> Vec<RunId> {
        lock(&self.jobs).keys().copied().collect()
    }

    /// Forgets a run that has ended, or that any scheduler may claim.
    pub(super) fn end(&self, run: RunId) {
        // A job holds foreign code, which is dropped without the lock.
        let ended = lock(&self.jobs).remove(&run);
        drop(ended);
    }

    /// Forgets everything: the store was started anew.
    pub(super) fn clear(&self) {
        *lock(&self.next) = None;
        let jobs = std::mem::take(&mut *lock(&self.jobs));
        drop(jobs);
    }
}
