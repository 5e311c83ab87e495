//! Jobs that wait for the start of the scheduler.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Phase, Scheduler, lock};
use crate::job::{Job, NextRunTime, PendingJob};
use crate::{Error, ErrorKind, Result};

impl Scheduler {
    /// Before the start, jobs are not in their stores yet.
    pub(super) fn waits(&self) -> bool {
        matches!(self.0.phase(), Phase::Stopped | Phase::Starting)
    }

    pub(crate) fn is_pending(&self, id: &str, jobstore: &str) -> bool {
        lock(&self.0.pending).iter().any(|job| is(job, id, Some(jobstore)))
    }

    /// Adds the jobs store by store; on an error gives back those that were not added.
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
            id: Arc::clone(&job.spec.id),
            jobstore: Arc::clone(&job.jobstore),
            next_run_time: job.next_run_time.map_or(NextRunTime::Pending, Into::into),
            spec: Ok(Arc::clone(&job.spec)),
            scheduler: self.clone(),
        }
    }
}

/// Keeps jobs until the start. All or none.
pub(super) fn hold(pending: &mut Vec<PendingJob>, jobs: &[PendingJob]) -> Result<()> {
    let key = |job: &PendingJob| (Arc::clone(&job.jobstore), Arc::clone(&job.spec.id));
    let mut known: HashSet<_> = pending.iter().map(key).collect();
    for job in jobs {
        if !known.insert(key(job)) && !job.replace_existing {
            return Err(Error::new(ErrorKind::ConflictingId, "a job with this id exists already")
                .with_job_id(job.spec.id()));
        }
    }
    for job in jobs {
        match pending
            .iter_mut()
            .find(|other| job.replace_existing && is(other, &job.spec.id, Some(&job.jobstore)))
        {
            Some(other) => *other = job.clone(),
            None => pending.push(job.clone()),
        }
    }
    Ok(())
}

pub(super) fn is(job: &PendingJob, id: &str, jobstore: Option<&str>) -> bool {
    *job.spec.id == *id && jobstore.is_none_or(|alias| alias == &*job.jobstore)
}
