//! Jobs that stand beside their functions.

use super::Registry;
use crate::job::DeclaredJob;

impl Registry {
    /// Adds a job that [`Scheduler::add_declared_jobs`](crate::Scheduler::add_declared_jobs) is to add. The very same
    /// again changes nothing.
    pub fn declare(&self, job: DeclaredJob) {
        let declared = &mut self.write().declared;
        if !declared.iter().any(|known| known.is(&job)) {
            declared.push(job);
        }
    }

    /// The declared jobs, sorted by their functions.
    pub fn declared_jobs(&self) -> Vec<DeclaredJob> {
        let mut jobs = self.read().declared.clone();
        jobs.sort_by_key(DeclaredJob::function);
        jobs
    }
}
