//! Submits claimed runs to executors, and reports their outcomes to listeners.

use std::sync::Arc;

use apscheduler_core::event::{Event, EventMask, Missed};
use apscheduler_core::executor::{
    CancellationToken, Fire, Outcome, Run, RunBatch, RunId, RunSink, Started, Submission,
};
use apscheduler_core::function::{JobContext, JobError};
use apscheduler_core::job::{JobSpec, Overlap};
use apscheduler_core::ledger::{OpenRun, Reason};
use apscheduler_core::printable;
use apscheduler_core::run::RunInfo;
use apscheduler_core::store::{Claim, ClaimOutcome};
use apscheduler_core::time::Timestamp;
use chrono::TimeDelta;
use serde_json::Value;

use super::decide::Prepared;
use super::identity::{instance_key, job_key, run_info};
use super::lock::lock;
use super::open_data::OpenData;
use super::overlap::Admission;
use super::state::Engine;
use super::store_runner::StoreRunner;

impl Engine {
    /// Makes the run of a claimed job, unless the job has reached its maximum of instances, and
    /// emits the event.
    pub(super) fn prepare(
        self: &Arc<Self>,
        runner: &StoreRunner,
        job: Prepared,
        claim: Claim,
        catching_up: bool,
        batch: &Arc<RunBatch>,
    ) -> Option<Run> {
        let Prepared { spec, unseen, .. } = job;
        let Claim { record, outcome, .. } = claim;
        let ClaimOutcome { run_times, first_run, open, skipped, .. } = outcome;
        let new_id = || RunId::reserve(batch.claimed, run_times.as_slice().len());
        let first_run = first_run.unwrap_or_else(new_id);
        let open = open.zip(run_times.as_slice().first()).map(|(data, first)| {
            let id = Arc::clone(spec.id_arc());
            Arc::new(OpenRun::new(first_run, id, *first, batch.owner.id, data))
        });
        let run = Submission::new(Arc::clone(batch), first_run)
            .unseen(unseen)
            .catching_up(catching_up)
            .revision(record.revision)
            .open(open);
        if let Some(skipped) = &skipped {
            self.record_skipped(&spec, &run, skipped, 1);
        }
        self.note_deadline(&spec, &run, run_times.as_slice());
        match self.admit(runner, &spec, &run) {
            Admission::Runs => {
                if spec.policies().overlap == Overlap::TerminateOther {
                    self.cancel_instances(&instance_key(&spec, &run));
                }
                return Some(self.new_run(runner, spec, run, run_times));
            }
            Admission::Waits => self.buffer(spec, run, run_times),
            Admission::WaitsInLedger => self.wait_in_ledger(&run, &run_times),
            Admission::Skipped(reason) => {
                if catching_up {
                    // More run times wait, and no instance will end to trigger the next pass.
                    runner.mark_changed();
                }
                self.skip(&spec, &run, &run_times, reason);
            }
        }
        None
    }
}

impl RunSink for Engine {
    fn missed(&self, job: &JobSpec, run: &Submission, run_time: Timestamp) -> Option<Missed> {
        let grace = job.misfire_grace_time()?;
        let now = self.now();
        let lateness = now - run_time;
        let running_since = || *lock(&self.running_since);
        let grace = TimeDelta::from_std(grace).unwrap_or(TimeDelta::MAX);
        (lateness - run.unseen_for() > grace).then(|| {
            Missed::by(lateness.to_std().unwrap_or_default())
                .queued((now - run.batch().claimed).to_std().unwrap_or_default())
                .idle((running_since() - run_time).to_std().unwrap_or_default())
                .cause(self.cause_of_lateness(job, run, run_time))
        })
    }

    fn refused(&self, run: &Submission, run_id: RunId) -> Option<JobError> {
        if let Some(error) = self.refusal(run_id) {
            return Some(error);
        }
        let recorder = self.recorder_of(run)?;
        let is_fenced = recorder.lease()?.is_fenced(run.batch().owner.id);
        is_fenced.then(|| {
            let message = "the run was given up: this scheduler gave no sign of life for longer than its lease";
            JobError::new(message).at_cancellation()
        })
    }

    fn begin(
        self: Arc<Self>,
        job: &Arc<JobSpec>,
        run: &Submission,
        fire: &mut Fire,
        cancellation: Option<CancellationToken>,
    ) -> JobContext {
        let names = [job.id_arc(), job.name_arc(), &run.batch().jobstore].map(Arc::clone);
        // An executor without a limit has room again when runs start, and those may last long.
        self.has_more_room(job.executor_arc());
        let is_recorded = run.batch().journal.is_some() || run.open_run().is_some();
        if is_recorded || self.listeners.wants(EventMask::JOB_STARTED | ENDED) {
            fire.started = Some(Started::now(self.now()));
            self.emit(EventMask::JOB_STARTED, || Event::JobStarted {
                job: job_key(job, run),
                run: started(run, fire),
                scheduled_run_time: fire.scheduled_run_time,
            });
        }
        let recovering = run.open_run().is_some_and(|run| OpenData::read(&run.data).recovering);
        let time = fire.scheduled_run_time;
        let cancellation = self.token_of(job, run, fire, cancellation);
        JobContext::in_scheduler(self, names, time, fire.run_id, cancellation)
            .with_fence(run.fence())
            .after_crash(recovering)
    }

    fn report(&self, job: &Arc<JobSpec>, run: &Submission, fire: &Fire, outcome: Outcome) {
        self.note_end(job, run, fire.run_id);
        if matches!(outcome, Outcome::Executed(_)) {
            self.met_deadline(fire.run_id);
        }
        self.record_outcome(job, run, fire, &outcome);
        match outcome {
            Outcome::Executed(value) => self.report_executed(job, run, fire, value),
            Outcome::Error(error) => self.report_error(job, run, fire, error),
            Outcome::Missed(missed) => self.report_missed(job, run, fire, missed),
            _ => {}
        }
    }

    fn free_slot(&self, job: &Arc<JobSpec>, run: &Submission) {
        self.instances.free(&instance_key(job, run), is_of_backfill(run));
    }

    fn on_dropped(&self, job: &Arc<JobSpec>, run: &Submission) {
        if run.is_catching_up() {
            self.instances.end_catch_up_batch(&instance_key(job, run));
            self.request_pass();
        }
        if self.buffers.is_any() {
            // A run of the job may wait for this slot.
            self.wake();
        }
        self.has_more_room(job.executor_arc());
    }
}

impl Engine {
    /// Returns what kept a run from running in time, if that is known.
    fn cause_of_lateness(
        &self,
        job: &JobSpec,
        run: &Submission,
        run_time: Timestamp,
    ) -> Option<Reason> {
        let batch = run.batch();
        if batch.hindered.is_some() {
            return batch.hindered;
        }
        if self.clock_watch.has_left_out(run_time) {
            return Some(Reason::ClockJump);
        }
        let was_full = self.starved.was_full(job.executor(), run_time, batch.claimed);
        was_full.then_some(Reason::PoolFull)
    }
}

fn is_of_backfill(run: &Submission) -> bool {
    run.open_run().is_some_and(|row| OpenData::read(&row.data).backfill.is_some())
}

/// The events that say how long a run took.
const ENDED: EventMask = EventMask::JOB_EXECUTED.union(EventMask::JOB_ERROR);

/// Returns a run that may have started.
fn started(run: &Submission, fire: &Fire) -> RunInfo {
    let mut info = run_info(run, fire.run_id);
    info.started = fire.started.map(Started::time);
    info
}

impl Engine {
    /// Returns a run that ends now.
    fn ended(&self, run: &Submission, fire: &Fire) -> RunInfo {
        let mut info = started(run, fire).ended(self.now());
        info.duration = fire.started.map(Started::elapsed);
        info
    }

    fn report_executed(&self, job: &JobSpec, run: &Submission, fire: &Fire, value: Value) {
        let name = printable::line(job.name());
        tracing::debug!(job_id = job.id(), "the job \"{name}\" was executed");
        self.emit(EventMask::JOB_EXECUTED, || Event::JobExecuted {
            job: job_key(job, run),
            run: self.ended(run, fire),
            scheduled_run_time: fire.scheduled_run_time,
            retval: Arc::new(value),
        });
    }

    fn report_error(&self, job: &JobSpec, run: &Submission, fire: &Fire, error: JobError) {
        let (name, error_text) = (printable::line(job.name()), error.text());
        let error_text = printable::lines(&error_text);
        tracing::error!(job_id = job.id(), "the job \"{name}\" failed: {error_text}");
        self.emit(EventMask::JOB_ERROR, || Event::JobError {
            job: job_key(job, run),
            run: self.ended(run, fire),
            scheduled_run_time: fire.scheduled_run_time,
            error: Arc::new(error),
        });
    }

    fn report_missed(&self, job: &JobSpec, run: &Submission, fire: &Fire, missed: Missed) {
        tracing::warn!(
            job_id = job.id(),
            "the run of the job \"{}\" was missed by {:.3} s: {}",
            printable::line(job.name()),
            missed.lateness.as_secs_f64(),
            missed.reason()
        );
        self.emit(EventMask::JOB_MISSED, || Event::JobMissed {
            job: job_key(job, run),
            run: self.ended(run, fire),
            scheduled_run_time: fire.scheduled_run_time,
            missed,
        });
    }
}
