//! Claimed runs that wait until an instance of their job ends.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use apscheduler_core::executor::Submission;
use apscheduler_core::job::JobSpec;
use apscheduler_core::store::RunTimes;
use apscheduler_core::time::Timestamp;

use super::instances::InstanceKey;
use super::lock::lock;

/// A claimed run that waits.
pub(super) struct Waiting {
    pub(super) job: Arc<JobSpec>,
    pub(super) run: Submission,
    pub(super) run_times: RunTimes,
    pub(super) since: Timestamp,
}

/// The runs that wait until an instance of their job ends, those of a job in order.
#[derive(Default)]
pub(super) struct Buffers {
    runs: Mutex<BTreeMap<InstanceKey, VecDeque<Waiting>>>,
    /// How many there are. Usually none, which makes the check cheap.
    count: AtomicUsize,
}

impl Buffers {
    /// Returns whether any run waits.
    pub(super) fn is_any(&self) -> bool {
        self.count.load(Ordering::SeqCst) > 0
    }

    /// Returns how many runs of a job wait.
    pub(super) fn len(&self, key: &InstanceKey) -> usize {
        if self.is_any() { lock(&self.runs).get(key).map_or(0, VecDeque::len) } else { 0 }
    }

    /// Returns the jobs whose runs wait.
    pub(super) fn jobs(&self) -> Vec<InstanceKey> {
        if self.is_any() { lock(&self.runs).keys().cloned().collect() } else { Vec::new() }
    }

    /// Adds a run behind the others of its job.
    pub(super) fn push(&self, key: InstanceKey, run: Waiting) {
        lock(&self.runs).entry(key).or_default().push_back(run);
        self.count.fetch_add(1, Ordering::SeqCst);
    }

    /// Puts a run back before the others of its job.
    pub(super) fn put_back(&self, key: InstanceKey, run: Waiting) {
        lock(&self.runs).entry(key).or_default().push_front(run);
        self.count.fetch_add(1, Ordering::SeqCst);
    }

    /// Takes the run of a job that has waited longest.
    pub(super) fn pop(&self, key: &InstanceKey) -> Option<Waiting> {
        let mut runs = lock(&self.runs);
        let of_job = runs.get_mut(key)?;
        let run = of_job.pop_front();
        if of_job.is_empty() {
            runs.remove(key);
        }
        drop(runs);
        if run.is_some() {
            self.count.fetch_sub(1, Ordering::SeqCst);
        }
        run
    }

    /// Takes all runs.
    pub(super) fn take_all(&self) -> Vec<Waiting> {
        let all = std::mem::take(&mut *lock(&self.runs));
        let all: Vec<Waiting> = all.into_values().flatten().collect();
        self.count.fetch_sub(all.len(), Ordering::SeqCst);
        all
    }
}
