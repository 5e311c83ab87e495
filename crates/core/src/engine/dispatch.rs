//! From a claim to an executor, and from an executor to the listeners.

use std::sync::Arc;

use super::decide::Prepared;
use super::instances::InstanceKey;
use super::store_runner::StoreRunner;
use super::{Engine, Scheduler, lock};
use crate::event::{Event, EventMask, JobEvent, Outcome};
use crate::executor::{CancellationToken, Run, RunId, RunOrigin, RunSink};
use crate::function::JobContext;
use crate::job::JobSpec;
use crate::printable;
use crate::store::RunTimes;
use crate::time::Timestamp;

impl Engine {
    /// Makes the run of a claimed job, unless the job has as many instances as it may have, and tells of it.
    pub(super) fn prepare(
        self: &Arc<Self>,
        runner: &StoreRunner,
        job: Prepared,
        run_times: RunTimes,
        catching_up: bool,
        now: Timestamp,
    ) -> Option<Run> {
        let Prepared { spec, unseen, .. } = job;
        let event =
            || JobEvent { job_id: Arc::clone(&spec.id), jobstore: Arc::clone(&runner.alias) };
        let key = InstanceKey { store: runner.number, job_id: Arc::clone(&spec.id) };
        if !self.instances.acquire(&key, spec.max_instances, catching_up) {
            if catching_up {
                // More run times wait, and no end of an instance will tell of them.
                runner.mark_changed();
            }
            tracing::warn!(
                jobstore = &*runner.alias,
                job_id = &*spec.id,
                "the run was skipped: the job has its maximum of running instances ({})",
                spec.max_instances
            );
            self.emit(EventMask::JOB_MAX_INSTANCES, || Event::JobMaxInstances {
                job: event(),
                scheduled_run_times: run_times.as_slice().into(),
            });
            return None;
        }
        self.emit(EventMask::JOB_SUBMITTED, || Event::JobSubmitted {
            job: event(),
            scheduled_run_times: run_times.as_slice().into(),
        });
        let (jobstore, store) = (Arc::clone(&runner.alias), runner.number);
        let origin = RunOrigin { jobstore, store, submitted: now, catching_up, unseen };
        Some(Run::new(spec, run_times, origin, Arc::clone(self) as Arc<dyn RunSink>))
    }
}

impl RunSink for Engine {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn running_since(&self) -> Timestamp {
        *lock(&self.running_since)
    }

    fn context(
        self: Arc<Self>,
        job: &Arc<JobSpec>,
        origin: &RunOrigin,
        scheduled_run_time: Timestamp,
        cancellation: Option<CancellationToken>,
    ) -> JobContext {
        let names = [Arc::clone(&job.id), Arc::clone(&job.name), Arc::clone(&origin.jobstore)];
        // An executor that runs as many as it likes has room again when runs start, and those may go on for long.
        self.has_more_room(&job.executor);
        let scheduler = Scheduler(self);
        JobContext::in_scheduler(scheduler, names, scheduled_run_time, RunId::next(), cancellation)
    }

    fn outcome(
        &self,
        job: &Arc<JobSpec>,
        origin: &RunOrigin,
        scheduled_run_time: Timestamp,
        outcome: Outcome,
    ) {
        let event =
            || JobEvent { job_id: Arc::clone(&job.id), jobstore: Arc::clone(&origin.jobstore) };
        match outcome {
            Outcome::Executed(value) => {
                let name = printable::line(&job.name);
                tracing::debug!(job_id = &*job.id, "the job \"{name}\" was executed");
                self.emit(EventMask::JOB_EXECUTED, || Event::JobExecuted {
                    job: event(),
                    scheduled_run_time,
                    retval: Arc::new(value),
                });
            }
            Outcome::Error(error) => {
                let trace = error.trace().map(|trace| format!("\n{trace}")).unwrap_or_default();
                let (name, error_text) = (printable::line(&job.name), format!("{error}{trace}"));
                let error_text = printable::block(&error_text);
                tracing::error!(job_id = &*job.id, "the job \"{name}\" failed: {error_text}");
                self.emit(EventMask::JOB_ERROR, || Event::JobError {
                    job: event(),
                    scheduled_run_time,
                    error: Arc::new(error),
                });
            }
            Outcome::Missed(missed) => {
                tracing::warn!(
                    job_id = &*job.id,
                    "the run of the job \"{}\" was missed by {:.3} s: {}",
                    printable::line(&job.name),
                    missed.lateness.as_secs_f64(),
                    missed.reason()
                );
                self.emit(EventMask::JOB_MISSED, || Event::JobMissed {
                    job: event(),
                    scheduled_run_time,
                    missed,
                });
            }
        }
    }

    fn released(&self, job: &Arc<JobSpec>, origin: &RunOrigin) {
        let key = InstanceKey { store: origin.store, job_id: Arc::clone(&job.id) };
        self.instances.release(&key);
    }

    fn gone(&self, job: &Arc<JobSpec>, origin: &RunOrigin) {
        if origin.catching_up {
            let key = InstanceKey { store: origin.store, job_id: Arc::clone(&job.id) };
            self.instances.end_piece(&key);
            self.look_again();
        }
        self.has_more_room(&job.executor);
    }
}
