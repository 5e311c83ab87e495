//! Submits claimed runs to executors, and reports their outcomes to listeners.

use std::sync::Arc;

use apscheduler_core::event::{Event, EventMask, Missed};
use apscheduler_core::executor::{CancellationToken, Outcome, Run, RunId, RunSink};
use apscheduler_core::function::{JobContext, JobError, JobHost};
use apscheduler_core::job::JobKey;
use apscheduler_core::job::JobSpec;
use apscheduler_core::printable;
use apscheduler_core::store::RunTimes;
use apscheduler_core::time::Timestamp;
use chrono::TimeDelta;
use serde_json::Value;

use super::decide::Prepared;
use super::instances::{InstanceKey, InstanceSlot};
use super::lock::lock;
use super::state::Engine;
use super::store_runner::StoreRunner;

impl Engine {
    /// Makes the run of a claimed job, unless the job has reached its maximum of instances, and
    /// emits the event.
    pub(super) fn prepare(
        self: &Arc<Self>,
        runner: &StoreRunner,
        job: Prepared,
        run_times: RunTimes,
        catching_up: bool,
        now: Timestamp,
    ) -> Option<Run> {
        let Prepared { spec, unseen, .. } = job;
        let event = || JobKey::in_store(Arc::clone(&runner.alias), Arc::clone(spec.shared_id()));
        let key = InstanceKey { store: runner.number, job_id: Arc::clone(spec.shared_id()) };
        let Some(slot) = self.instances.acquire(key, spec.max_instances(), catching_up) else {
            if catching_up {
                // More run times wait, and no instance will end to trigger the next pass.
                runner.mark_changed();
            }
            tracing::warn!(
                jobstore = &*runner.alias,
                job_id = spec.id(),
                "the run was skipped: the job has its maximum of running instances ({})",
                spec.max_instances()
            );
            self.emit(EventMask::JOB_MAX_INSTANCES, || Event::JobMaxInstances {
                job: event(),
                scheduled_run_times: run_times.as_slice().into(),
            });
            return None;
        };
        self.emit(EventMask::JOB_SUBMITTED, || Event::JobSubmitted {
            job: event(),
            scheduled_run_times: run_times.as_slice().into(),
        });
        let sink = Dispatched {
            engine: Arc::clone(self),
            job: Arc::clone(&spec),
            jobstore: Arc::clone(&runner.alias),
            submitted: now,
            unseen,
            slot,
        };
        Some(Run::new(spec, run_times, Box::new(sink)))
    }
}

/// A run submitted to an executor, with the instance slot of its job.
struct Dispatched {
    engine: Arc<Engine>,
    job: Arc<JobSpec>,
    jobstore: Arc<str>,
    submitted: Timestamp,
    /// The time during which no pass could have known about the run times: it does not count as
    /// delay.
    unseen: TimeDelta,
    slot: InstanceSlot,
}

impl RunSink for Dispatched {
    fn jobstore(&self) -> &str {
        &self.jobstore
    }

    fn missed(&self, run_time: Timestamp) -> Option<Missed> {
        let grace = self.job.misfire_grace_time()?;
        let now = self.engine.now();
        let lateness = now - run_time;
        let running_since = || *lock(&self.engine.running_since);
        let grace = TimeDelta::from_std(grace).unwrap_or(TimeDelta::MAX);
        (lateness > grace + self.unseen).then(|| Missed {
            lateness: lateness.to_std().unwrap_or_default(),
            queued: (now - self.submitted).to_std().unwrap_or_default(),
            idle: (running_since() - run_time).to_std().unwrap_or_default(),
        })
    }

    fn context(&self, run_time: Timestamp, cancellation: Option<CancellationToken>) -> JobContext {
        let job = &self.job;
        let names = [job.shared_id(), job.shared_name(), &self.jobstore].map(Arc::clone);
        // An executor that limits only its queue has room again when runs start, and these may take
        // long.
        self.engine.has_more_room(job.shared_executor());
        let host = Arc::clone(&self.engine) as Arc<dyn JobHost>;
        JobContext::in_scheduler(host, names, run_time, RunId::next(), cancellation)
    }

    fn report(&mut self, run_time: Timestamp, outcome: Outcome, is_last: bool) {
        if is_last {
            self.slot.free();
        }
        match outcome {
            Outcome::Executed(value) => self.report_executed(run_time, value),
            Outcome::Error(error) => self.report_error(run_time, error),
            Outcome::Missed(missed) => self.report_missed(run_time, missed),
            _ => {}
        }
    }
}

impl Dispatched {
    fn key(&self) -> JobKey {
        JobKey::in_store(Arc::clone(&self.jobstore), Arc::clone(self.job.shared_id()))
    }

    fn report_executed(&self, scheduled_run_time: Timestamp, value: Value) {
        let name = printable::line(self.job.name());
        tracing::debug!(job_id = self.job.id(), "the job \"{name}\" was executed");
        self.engine.emit(EventMask::JOB_EXECUTED, || Event::JobExecuted {
            job: self.key(),
            scheduled_run_time,
            retval: Arc::new(value),
        });
    }

    fn report_error(&self, scheduled_run_time: Timestamp, error: JobError) {
        let trace = error.trace().map(|trace| format!("\n{trace}")).unwrap_or_default();
        let (name, error_text) = (printable::line(self.job.name()), format!("{error}{trace}"));
        let error_text = printable::lines(&error_text);
        tracing::error!(job_id = self.job.id(), "the job \"{name}\" failed: {error_text}");
        self.engine.emit(EventMask::JOB_ERROR, || Event::JobError {
            job: self.key(),
            scheduled_run_time,
            error: Arc::new(error),
        });
    }

    fn report_missed(&self, scheduled_run_time: Timestamp, missed: Missed) {
        tracing::warn!(
            job_id = self.job.id(),
            "the run of the job \"{}\" was missed by {:.3} s: {}",
            printable::line(self.job.name()),
            missed.lateness.as_secs_f64(),
            missed.reason()
        );
        self.engine.emit(EventMask::JOB_MISSED, || Event::JobMissed {
            job: self.key(),
            scheduled_run_time,
            missed,
        });
    }
}

impl Drop for Dispatched {
    fn drop(&mut self) {
        if self.slot.end_piece() {
            self.engine.look_again();
        }
        self.engine.has_more_room(self.job.shared_executor());
    }
}
