//! Adds jobs.

use std::sync::Arc;

use super::audit::Additions;
use super::decide::unknown_executor;
use super::job::{Job, NextRunTime};
use super::lock::lock;
use super::phase::Phase;
use super::scheduler::Scheduler;
use super::store_runner::StoreRunner;
use super::storing::{check_executor, payload};
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::job::{JobBuilder, JobSpec, PendingJob};
use apscheduler_core::ledger::ChangeKind;
use apscheduler_core::printable;
use apscheduler_core::store::NewRecord;
use apscheduler_core::time::Timestamp;
use apscheduler_core::{Error, ErrorKind, Result};

impl Scheduler {
    /// Adds a job, and wakes the scheduler for it. Before the start, the job is held; its first run
    /// time is computed at the start.
    ///
    /// # Errors
    /// [`ErrorKind::ConflictingId`], unless the job sets `replace_existing`; an error for an
    /// invalid job; any error from the store.
    ///
    /// # Examples
    /// ```
    /// use apscheduler::prelude::*;
    ///
    /// let scheduler = BackgroundScheduler::new();
    /// let job = scheduler.add_job(JobBuilder::new(|| println!("tick")).id("tick"))?;
    /// assert!(job.pending());
    /// # Ok::<(), apscheduler::Error>(())
    /// ```
    pub fn add_job(&self, job: JobBuilder) -> Result<Job> {
        let mut jobs = self.add_jobs(vec![job])?;
        // One job in, one job out.
        jobs.pop().ok_or_else(|| Error::new(ErrorKind::Other, "the job was lost"))
    }

    /// Adds many jobs, in one round trip per store. For each store, either all of its jobs are
    /// added or none.
    ///
    /// # Errors
    /// Same as [`add_job`](Self::add_job).
    pub fn add_jobs(&self, jobs: Vec<JobBuilder>) -> Result<Vec<Job>> {
        let engine = &self.0;
        let defaults = engine.settings().job_defaults;
        let context = engine.trigger_context();
        let jobs = jobs
            .into_iter()
            .map(|job| job.build(&context, &defaults))
            .collect::<Result<Vec<PendingJob>>>()?;
        self.add_built(jobs)
    }

    pub(super) fn add_built(&self, jobs: Vec<PendingJob>) -> Result<Vec<Job>> {
        let engine = &self.0;
        let held = {
            let mut pending = lock(&engine.pending);
            let waits = matches!(engine.phase(), Phase::Stopped | Phase::Starting);
            waits.then(|| pending.hold(&jobs))
        };
        if let Some(replaced) = held {
            drop(replaced?);
            return Ok(jobs.iter().map(|job| self.pending_handle(job)).collect());
        }
        let mut handles = Vec::with_capacity(jobs.len());
        let mut rest = jobs;
        while let Some(first) = rest.first() {
            let alias = Arc::clone(&first.jobstore);
            let all_same = rest.iter().all(|job| job.jobstore == alias);
            let (batch, others) = if all_same {
                (rest, Vec::new())
            } else {
                rest.into_iter().partition(|job| job.jobstore == alias)
            };
            handles.append(&mut self.store_jobs(&alias, &batch)?);
            rest = others;
        }
        Ok(handles)
    }

    /// Adds jobs to one store and emits the events.
    pub(super) fn store_jobs(&self, alias: &str, jobs: &[PendingJob]) -> Result<Vec<Job>> {
        let engine = &self.0;
        let runner = engine.store(alias)?;
        let now = engine.now();
        let executors = engine.executors();
        let mut records = Vec::with_capacity(jobs.len());
        let mut handles = Vec::with_capacity(jobs.len());
        for job in jobs {
            let executor = executors
                .get(job.spec.executor_arc())
                .ok_or_else(|| unknown_executor(&executors, &job.spec))?;
            check_executor(&job.spec, executor.capabilities())?;
            self.note_follower(&runner, &job.spec, None)?;
            let next_run_time = match job.next_run_time {
                Some(given) => given,
                None => job.spec.trigger().next_fire_time(None, now),
            };
            records.push(
                NewRecord::new(
                    Arc::clone(job.spec.id_arc()),
                    next_run_time,
                    payload(&runner, &job.spec, &engine.registry)?,
                )
                .with_replace(job.replace_existing),
            );
            handles.push(self.job_handle(&runner, &job.spec, next_run_time));
        }
        let audit = self.audit_of(&runner).map(|audit| (audit, Additions::of(&records)));
        runner.callable()?.add_jobs(records)?;
        if let Some((audit, added)) = audit {
            audit.added(ChangeKind::Added, &added);
        }
        for (job, handle) in jobs.iter().zip(&handles) {
            if let NextRunTime::At(time) = handle.next_run_time() {
                runner.mark_written(job.spec.id_arc(), Some(time));
            }
        }
        for job in jobs {
            tracing::debug!(
                jobstore = &*runner.alias,
                job_id = job.spec.id(),
                "added the job \"{}\"",
                printable::line(job.spec.name_arc())
            );
            engine
                .emit(EventMask::JOB_ADDED, || Event::JobAdded(runner.job_key(job.spec.id_arc())));
        }
        runner.mark_changed();
        engine.wake();
        Ok(handles)
    }

    pub(super) fn job_handle(
        &self,
        runner: &StoreRunner,
        spec: &Arc<JobSpec>,
        next: Option<Timestamp>,
    ) -> Job {
        Job {
            id: Arc::clone(spec.id_arc()),
            jobstore: Arc::clone(&runner.alias),
            next_run_time: next.into(),
            revision: None,
            spec: Some(Arc::clone(spec)),
            broken: None,
            broken_origin: None,
            scheduler: self.clone(),
        }
    }
}
