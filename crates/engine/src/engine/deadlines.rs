//! Runs that have to succeed by a time.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::executor::Submission;
use apscheduler_core::job::{JobKey, JobSpec};
use apscheduler_core::printable;
use apscheduler_core::run::RunId;
use apscheduler_core::time::Timestamp;
use chrono::TimeDelta;

use super::dispatch::job_key;
use super::lock::lock;
use super::state::Engine;

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
struct Overdue {
    job: JobKey,
    scheduled_run_time: Timestamp,
}

impl Deadlines {
    fn add(&self, run: RunId, deadline: Timestamp, overdue: Overdue) {
        let mut runs = lock(&self.runs);
        if runs.times.insert(run, deadline).is_none() {
            runs.by_time.insert((deadline, run), overdue);
            self.count.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn remove(&self, run: RunId) {
        let mut runs = lock(&self.runs);
        if let Some(deadline) = runs.times.remove(&run) {
            runs.by_time.remove(&(deadline, run));
            self.count.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Takes the first run that is overdue.
    fn pop(&self, now: Timestamp) -> Option<(Timestamp, RunId, Overdue)> {
        let mut runs = lock(&self.runs);
        let first = runs.by_time.first_entry().filter(|first| first.key().0 <= now)?;
        let ((deadline, run), overdue) = first.remove_entry();
        runs.times.remove(&run);
        self.count.fetch_sub(1, Ordering::SeqCst);
        Some((deadline, run, overdue))
    }

    fn next(&self) -> Option<Timestamp> {
        lock(&self.runs).by_time.keys().next().map(|(deadline, _)| *deadline)
    }
}

impl Engine {
    /// Notes by when the runs of a claimed job have to succeed, if the job has a deadline.
    pub(super) fn note_deadline(&self, job: &JobSpec, run: &Submission, run_times: &[Timestamp]) {
        let Some(deadline) = job.policies().deadline else { return };
        let deadline = TimeDelta::from_std(deadline).unwrap_or(TimeDelta::MAX);
        for (index, &scheduled_run_time) in run_times.iter().enumerate() {
            if let Some(time) = scheduled_run_time.checked_add_signed(deadline) {
                let overdue = Overdue { job: job_key(job, run), scheduled_run_time };
                self.deadlines.add(run.first_run().nth(index), time, overdue);
            }
        }
    }

    /// Notes that a run has succeeded.
    pub(super) fn met_deadline(&self, run: RunId) {
        if self.deadlines.count.load(Ordering::SeqCst) > 0 {
            self.deadlines.remove(run);
        }
    }

    /// Reports the runs that are overdue. Returns when the next one will be.
    pub(super) fn report_overdue(&self, now: Timestamp) -> Option<Timestamp> {
        if self.deadlines.count.load(Ordering::SeqCst) == 0 {
            return None;
        }
        while let Some((deadline, run_id, overdue)) = self.deadlines.pop(now) {
            let Overdue { job, scheduled_run_time } = overdue;
            tracing::error!(
                job_id = job.id(),
                "the run {run_id} of the job \"{}\", scheduled for {scheduled_run_time}, has not succeeded by {deadline}",
                printable::line(job.id())
            );
            self.emit(EventMask::JOB_OVERDUE, || Event::JobOverdue {
                job,
                run_id,
                scheduled_run_time,
                deadline,
            });
        }
        self.deadlines.next()
    }
}
