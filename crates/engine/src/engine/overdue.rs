//! Reports runs that have not succeeded by their deadline.

use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::executor::{RunId, Submission};
use apscheduler_core::job::JobSpec;
use apscheduler_core::ledger::RunRecord;
use apscheduler_core::printable;
use apscheduler_core::time::Timestamp;
use chrono::TimeDelta;

use super::asking::policies;
use super::deadlines::Overdue;
use super::identity::job_key;
use super::state::Engine;
use super::store_runner::StoreRunner;

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

    /// Notes by when a run of a scheduler that died would have had to succeed, if its job is known and has a deadline. Nobody
    /// else reports it.
    pub(super) fn note_deadline_of_lost(&self, runner: &StoreRunner, lost: &RunRecord) {
        // If the store fails now, the loss of the run is reported all the same.
        let Ok(Some(job)) = runner.store.lookup_job(&lost.job_id) else { return };
        let Some(deadline) = policies(&job).deadline else { return };
        let deadline = TimeDelta::from_std(deadline).unwrap_or(TimeDelta::MAX);
        let scheduled_run_time = lost.scheduled_run_time;
        if let Some(time) = scheduled_run_time.checked_add_signed(deadline) {
            let overdue = Overdue { job: runner.job_key(&lost.job_id), scheduled_run_time };
            self.deadlines.add(lost.run_id, time, overdue);
            self.wake();
        }
    }

    /// Notes that a run has succeeded.
    pub(super) fn met_deadline(&self, run: RunId) {
        if !self.deadlines.is_empty() {
            self.deadlines.remove(run);
        }
    }

    /// Reports the runs that are overdue. Returns when the next one will be.
    pub(super) fn report_overdue(&self, now: Timestamp) -> Option<Timestamp> {
        if self.deadlines.is_empty() {
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
