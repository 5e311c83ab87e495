//! What becomes of a claimed run when its job has its maximum of running instances.

use std::sync::Arc;

use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::executor::{Fire, InstanceSlot, Outcome, Run, RunSink, Submission};
use apscheduler_core::function::JobError;
use apscheduler_core::job::{JobSpec, Overlap, OverlapScope};
use apscheduler_core::ledger::{OpenQuery, OpenRun, OpenState, OpenStep, Reason};
use apscheduler_core::run::RunId;
use apscheduler_core::store::RunTimes;
use chrono::TimeDelta;

use super::buffers::Waiting;
use super::followers::is_standing;
use super::foreign::submit;
use super::identity::{instance_key, job_key, run_info};
use super::instances::InstanceKey;
use super::open_data::OpenData;
use super::state::Engine;
use super::store_runner::StoreRunner;
use super::unrecorded::Ended;

/// How long a run waits that found the maximum of its job's instances in the cluster.
pub(super) const OVERLAP_PAUSE: TimeDelta = TimeDelta::seconds(1);

/// What becomes of a claimed run.
pub(super) enum Admission {
    /// It has taken a slot.
    Runs,
    /// It waits in this process until an instance ends.
    Waits,
    /// It waits in the ledger, where any scheduler may claim it.
    WaitsInLedger,
    Skipped(Reason),
}

impl Engine {
    /// Takes a slot for a claimed run, or decides what becomes of it.
    pub(super) fn admit(&self, runner: &StoreRunner, job: &JobSpec, run: &Submission) -> Admission {
        let (overlap, key) = (job.policies().overlap, instance_key(job, run));
        let catching_up = run.is_catching_up();
        if job.policies().overlap_scope == OverlapScope::Cluster
            && let Some(row) = run.open_run()
            && let Some(others) = Self::full_in_cluster(runner, job, row, &[])
        {
            // A run of the schedule does not lose its turn to a backfill.
            let is_backfill = |other: &OpenRun| OpenData::read(&other.data).backfill.is_some();
            let buffer = overlap.buffer().max(usize::from(others.iter().any(is_backfill)));
            return match (buffer, Self::waiting_in_cluster(runner, job)) {
                (0, _) => Admission::Skipped(Reason::Overlap),
                (most, waiting) if waiting < most => Admission::WaitsInLedger,
                _ => Admission::Skipped(Reason::Limit),
            };
        }
        let max = match overlap {
            Overlap::Allow | Overlap::TerminateOther => u32::MAX,
            _ => job.max_instances(),
        };
        // Those that wait already go first.
        let waiting = self.buffers.len(&key);
        if waiting == 0 && self.instances.acquire(&key, max, catching_up) {
            return Admission::Runs;
        }
        match overlap {
            // A run of the schedule does not lose its turn to a backfill.
            Overlap::Skip if waiting == 0 && self.instances.has_backfill(&key) => Admission::Waits,
            Overlap::Skip => Admission::Skipped(Reason::Overlap),
            Overlap::CancelOther => Admission::Waits,
            _ if waiting < overlap.buffer() => Admission::Waits,
            _ => Admission::Skipped(Reason::Limit),
        }
    }

    /// Returns the other open runs of a job if they have taken all of its slots, whichever scheduler runs them. They are not
    /// known, and there are none, if the ledger fails.
    ///
    /// The row of a run is written with its claim, and the claims of a job follow each other. So of two runs that overlap,
    /// the one that was claimed later sees the row of the other. Those that are `idle` do not count: this scheduler has
    /// claimed them, and has not begun them.
    pub(super) fn full_in_cluster(
        runner: &StoreRunner,
        job: &JobSpec,
        row: &OpenRun,
        idle: &[RunId],
    ) -> Option<Vec<OpenRun>> {
        let ledger = runner.store.ledger()?;
        let query = OpenQuery::new().job(Arc::clone(job.id_arc())).state(OpenState::Claimed);
        let is_further = |row: &OpenRun| row.attempt > 1 || OpenData::read(&row.data).asked;
        let others = match ledger.open_runs(&query) {
            Ok(others) => others,
            Err(error) => {
                let message = error.chain();
                tracing::warn!(
                    jobstore = &*runner.alias,
                    job_id = job.id(),
                    "can't count the running instances of the job, so its run does not start: {message}"
                );
                return Some(Vec::new());
            }
        };
        let counts = |other: &OpenRun| {
            let is_earlier = other.scheduled_run_time < row.scheduled_run_time;
            let is_rival = is_earlier || is_further(other) || is_further(row);
            other.run_id != row.run_id && !idle.contains(&other.run_id) && is_rival
        };
        let others: Vec<OpenRun> = others.into_iter().filter(counts).collect();
        (others.len() >= job.max_instances() as usize).then_some(others)
    }

    fn waiting_in_cluster(runner: &StoreRunner, job: &JobSpec) -> usize {
        let Some(ledger) = runner.store.ledger() else { return 0 };
        let query = OpenQuery::new().job(Arc::clone(job.id_arc())).state(OpenState::Waiting);
        let waiting = ledger.open_runs(&query);
        waiting.map_or(usize::MAX, |waiting| waiting.iter().filter(|row| !is_standing(row)).count())
    }

    /// Makes the run of a job that has taken a slot, and emits the event.
    pub(super) fn new_run(
        self: &Arc<Self>,
        runner: &StoreRunner,
        job: Arc<JobSpec>,
        run: Submission,
        run_times: RunTimes,
    ) -> Run {
        let first_run = run.first_run();
        if run.open_run().is_some() {
            for index in 0..run_times.as_slice().len() {
                runner.open.begin(first_run.nth(index), &job);
            }
        }
        self.note_submission(&job, &run, run_times.as_slice().len());
        self.emit(EventMask::JOB_SUBMITTED, || Event::JobSubmitted {
            job: job_key(&job, &run),
            run: run_info(&run, first_run),
            scheduled_run_times: run_times.as_slice().into(),
        });
        let slot = InstanceSlot::new(Arc::clone(self) as Arc<dyn RunSink>, job, run);
        Run::new(slot, run_times)
    }

    /// Lets a run wait in this process. With `cancel_other` it takes the place of one that waits.
    pub(super) fn buffer(&self, job: Arc<JobSpec>, run: Submission, run_times: RunTimes) {
        let key = instance_key(&job, &run);
        if job.policies().overlap == Overlap::CancelOther {
            self.cancel_instances(&key);
            while let Some(older) = self.buffers.pop(&key) {
                self.skip(&older.job, &older.run, &older.run_times, Reason::Overlap);
            }
        }
        if run.is_catching_up() {
            self.instances.begin_catch_up_batch(&key);
        }
        self.note_submission(&job, &run, run_times.as_slice().len());
        let since = self.now();
        self.buffers.push(key, Waiting { job, run, run_times, since });
    }

    /// Puts the rows of a run back into the ledger: any scheduler may claim them soon.
    pub(super) fn wait_in_ledger(&self, run: &Submission, run_times: &RunTimes) {
        let (recorder, batch) = (self.recorders.get(run.batch().store), run.batch());
        let Some((row, recorder)) = run.open_run().zip(recorder) else { return };
        let (owner, due) = (batch.owner.id, self.now() + OVERLAP_PAUSE);
        for (index, time) in run_times.as_slice().iter().enumerate() {
            let mut data = OpenData::read(&row.data);
            data.asked = true;
            let mut next = OpenRun::clone(row).waiting(due);
            next.run_id = row.run_id.nth(index);
            (next.scheduled_run_time, next.data) = (*time, data.text());
            let step = OpenStep::change(row.mark(), next);
            let (batch, step) = (batch.journal.map(|journal| (journal, 1)), Some(step));
            recorder.ended(Ended { owner, batch, record: None, step, release: None });
        }
    }

    /// Reports that a run is skipped.
    pub(super) fn skip(
        &self,
        job: &JobSpec,
        run: &Submission,
        run_times: &RunTimes,
        reason: Reason,
    ) {
        tracing::warn!(
            jobstore = &*run.batch().jobstore,
            job_id = job.id(),
            "the run was skipped: the job has its maximum of running instances ({})",
            job.max_instances()
        );
        for index in 0..run_times.as_slice().len() {
            self.note_end(job, run, run.first_run().nth(index));
        }
        self.record_overlap(job, run, run_times.as_slice(), reason);
        self.emit(EventMask::JOB_MAX_INSTANCES, || Event::JobMaxInstances {
            job: job_key(job, run),
            run: run_info(run, run.first_run()),
            scheduled_run_times: run_times.as_slice().into(),
        });
    }

    /// Submits the runs that wait in this process and whose job has a free slot.
    pub(super) fn submit_buffered(self: &Arc<Self>) {
        for key in self.buffers.jobs() {
            while let Some(waiting) = self.buffers.pop(&key) {
                let Waiting { job, run, run_times, since } = waiting;
                let runner = self.stores().get(&run.batch().jobstore).cloned();
                let executor = self.executors().get(job.executor()).cloned();
                let (Some(runner), Some(executor)) = (runner, executor) else {
                    self.drop_buffered(&job, &run, &run_times, "its executor was removed");
                    continue;
                };
                let catching_up = run.is_catching_up();
                if !self.instances.acquire(&key, job.max_instances(), catching_up) {
                    self.buffers.put_back(key, Waiting { job, run, run_times, since });
                    break;
                }
                // Waiting for another instance is not lateness.
                let waited = self.now() - since;
                let unseen = run.unseen_for().checked_add(&waited).unwrap_or(TimeDelta::MAX);
                let run = self.new_run(&runner, job, run.unseen(unseen), run_times);
                submit(&runner.alias, &*executor, vec![run]);
            }
        }
    }

    /// Ends the runs that wait in this process: the scheduler is shut down.
    pub(super) fn drop_all_buffered(&self) {
        for Waiting { job, run, run_times, .. } in self.buffers.take_all() {
            self.drop_buffered(&job, &run, &run_times, "the scheduler was shut down");
        }
    }

    /// Asks the running instances of a job to end.
    pub(super) fn cancel_instances(&self, key: &InstanceKey) {
        self.running.cancel_job(key);
    }

    fn drop_buffered(&self, job: &Arc<JobSpec>, run: &Submission, times: &RunTimes, why: &str) {
        for (index, time) in times.as_slice().iter().enumerate() {
            let error = JobError::new(format!("the run did not begin: {why}")).at_cancellation();
            let fire = Fire::new(run.first_run().nth(index), *time);
            self.report(job, run, &fire, Outcome::Error(error));
        }
        if run.is_catching_up() {
            self.instances.end_catch_up_batch(&instance_key(job, run));
        }
    }
}
