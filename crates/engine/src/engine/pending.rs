//! Jobs held until the start of the scheduler.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use apscheduler_core::job::{JobSpec, PendingJob};
use apscheduler_core::{Error, ErrorKind, Result};

/// The held jobs, in the order in which they were added, indexed by id.
#[derive(Debug, Default)]
pub(super) struct PendingJobs {
    jobs: BTreeMap<u64, PendingJob>,
    by_id: HashMap<Arc<str>, Vec<u64>>,
    next: u64,
}

impl PendingJobs {
    /// Holds jobs: all or none. Returns the replaced jobs, to be dropped without a lock.
    pub(super) fn hold(&mut self, jobs: &[PendingJob]) -> Result<Vec<PendingJob>> {
        let before = self.next;
        for job in jobs {
            match self.place(job.spec.id_arc(), Some(&job.jobstore)) {
                Some(_) if !job.replace_existing => {
                    // A replaced job can't be put back, so replacements are made last.
                    self.forget_since(before);
                    return Err(Error::new(
                        ErrorKind::ConflictingId,
                        "a job with this id exists already",
                    )
                    .with_job_id(job.spec.id()));
                }
                Some(_) => {}
                None => self.push(job.clone()),
            }
        }
        let mut replaced = Vec::new();
        for job in jobs.iter().filter(|job| job.replace_existing) {
            if let Some(place) = self.place(job.spec.id_arc(), Some(&job.jobstore)) {
                replaced.extend(self.jobs.insert(place, job.clone()));
            }
        }
        Ok(replaced)
    }

    /// Puts jobs back before those added in the meantime.
    pub(super) fn put_back(&mut self, jobs: Vec<PendingJob>) {
        let later = self.take();
        jobs.into_iter().chain(later).for_each(|job| self.push(job));
    }

    pub(super) fn take(&mut self) -> Vec<PendingJob> {
        self.by_id.clear();
        std::mem::take(&mut self.jobs).into_values().collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    pub(super) fn find(&self, id: &str, jobstore: Option<&str>) -> Option<&PendingJob> {
        self.jobs.get(&self.place(id, jobstore)?)
    }

    pub(super) fn remove(&mut self, id: &str, jobstore: Option<&str>) -> Option<PendingJob> {
        let place = self.place(id, jobstore)?;
        self.forget(place)
    }

    /// Removes the jobs of one store, or all. Returns them, to be dropped without a lock.
    pub(super) fn clear(&mut self, jobstore: Option<&str>) -> Vec<PendingJob> {
        let kept = |job: &PendingJob| jobstore.is_some_and(|alias| alias != &*job.jobstore);
        let (kept, removed): (Vec<_>, Vec<_>) = self.take().into_iter().partition(kept);
        for job in kept {
            self.push(job);
        }
        removed
    }

    /// Returns the jobs of one store, or all.
    pub(super) fn of<'a>(
        &'a self,
        jobstore: Option<&'a str>,
    ) -> impl Iterator<Item = &'a PendingJob> {
        self.jobs.values().filter(move |job| jobstore.is_none_or(|alias| alias == &*job.jobstore))
    }

    /// Replaces the job that a changed job was made from; returns `false` if it is no longer there.
    pub(super) fn exchange(&mut self, before: &Arc<JobSpec>, job: PendingJob) -> bool {
        let place = self.place(job.spec.id_arc(), Some(&job.jobstore));
        let known = place.and_then(|place| self.jobs.get_mut(&place));
        let same = known.filter(|known| Arc::ptr_eq(&known.spec, before));
        same.map(|known| *known = job).is_some()
    }

    fn place(&self, id: &str, jobstore: Option<&str>) -> Option<u64> {
        let places = self.by_id.get(id)?;
        let in_store = |place: &&u64| {
            let job = self.jobs.get(*place);
            job.is_some_and(|job| jobstore.is_none_or(|alias| alias == &*job.jobstore))
        };
        places.iter().find(in_store).copied()
    }

    fn push(&mut self, job: PendingJob) {
        self.by_id.entry(Arc::clone(job.spec.id_arc())).or_default().push(self.next);
        self.jobs.insert(self.next, job);
        self.next += 1;
    }

    fn forget(&mut self, place: u64) -> Option<PendingJob> {
        let job = self.jobs.remove(&place)?;
        if let Some(places) = self.by_id.get_mut(job.spec.id_arc()) {
            places.retain(|other| *other != place);
            if places.is_empty() {
                self.by_id.remove(job.spec.id_arc());
            }
        }
        Some(job)
    }

    fn forget_since(&mut self, first: u64) {
        for place in first..self.next {
            self.forget(place);
        }
    }
}
