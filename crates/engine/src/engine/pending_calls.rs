//! Jobs before the start of the scheduler.

use std::sync::Arc;

use apscheduler_core::Error;
use apscheduler_core::job::PendingJob;

use super::job::{Job, NextRunTime};
use super::lock::lock;
use super::phase::Phase;
use super::scheduler::Scheduler;

impl Scheduler {
    /// Returns whether jobs are held: before the start, they are not in their stores yet.
    pub(super) fn waits(&self) -> bool {
        matches!(self.0.phase(), Phase::Stopped | Phase::Starting)
    }

    pub(crate) fn is_pending(&self, id: &str, jobstore: &str) -> bool {
        lock(&self.0.pending).find(id, Some(jobstore)).is_some()
    }

    /// Adds the jobs store by store. On an error, puts back those that were not added.
    pub(super) fn add_pending(
        &self,
        jobs: Vec<PendingJob>,
    ) -> std::result::Result<(), (Error, Vec<PendingJob>)> {
        let mut rest = jobs;
        while let Some(first) = rest.first() {
            let alias = Arc::clone(&first.jobstore);
            let (batch, others): (Vec<_>, Vec<_>) =
                rest.into_iter().partition(|job| job.jobstore == alias);
            rest = others;
            if let Err(error) = self.store_jobs(&alias, &batch) {
                let mut left = batch;
                left.append(&mut rest);
                return Err((error, left));
            }
        }
        Ok(())
    }

    pub(super) fn pending_handle(&self, job: &PendingJob) -> Job {
        Job {
            id: Arc::clone(job.spec.id_arc()),
            jobstore: Arc::clone(&job.jobstore),
            next_run_time: job.next_run_time.map_or(NextRunTime::Pending, Into::into),
            revision: None,
            spec: Some(Arc::clone(&job.spec)),
            broken: None,
            broken_origin: None,
            scheduler: self.clone(),
        }
    }
}
