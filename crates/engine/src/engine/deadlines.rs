//! Runs that have to succeed by a time.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use apscheduler_core::job::JobKey;
use apscheduler_core::run::RunId;
use apscheduler_core::time::Timestamp;

use super::lock::lock;

/// The runs that have to succeed by a time, and have not yet.
#[derive(Default)]
pub(super) struct Deadlines {
    runs: Mutex<Runs>,
    /// How many there are. Usually none, which makes the check cheap.
    count: AtomicUsize,
}

#[derive(Default)]
struct Runs {
    by_time: BTreeMap<(Timestamp, RunId), Overdue>,
    times: HashMap<RunId, Timestamp>,
}

/// What is reported if the run is overdue.
pub(super) struct Overdue {
    pub(super) job: JobKey,
    pub(super) scheduled_run_time: Timestamp,
}

impl Deadlines {
    pub(super) fn add(&self, run: RunId, deadline: Timestamp, overdue: Overdue) {
        let mut runs = lock(&self.runs);
        if runs.times.insert(run, deadline).is_none() {
            runs.by_time.insert((deadline, run), overdue);
            self.count.fetch_add(1, Ordering::SeqCst);
        }
    }

    pub(super) fn remove(&self, run: RunId) {
        let mut runs = lock(&self.runs);
        if let Some(deadline) = runs.times.remove(&run) {
            runs.by_time.remove(&(deadline, run));
            self.count.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Returns whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.count.load(Ordering::SeqCst) == 0
    }

    /// Takes the first run that is overdue.
    pub(super) fn pop(&self, now: Timestamp) -> Option<(Timestamp, RunId, Overdue)> {
        let mut runs = lock(&self.runs);
        let first = runs.by_time.first_entry().filter(|first| first.key().0 <= now)?;
        let ((deadline, run), overdue) = first.remove_entry();
        runs.times.remove(&run);
        self.count.fetch_sub(1, Ordering::SeqCst);
        Some((deadline, run, overdue))
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        lock(&self.runs).by_time.keys().next().map(|(deadline, _)| *deadline)
    }
}
