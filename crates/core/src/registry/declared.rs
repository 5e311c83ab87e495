//! Jobs that are declared on their functions.

use super::Registry;
use crate::job::DeclaredJob;

impl Registry {
    /// Registers a job for `Scheduler::add_declared_jobs`. Registering the same job again changes nothing.
    pub fn declare(&self, job: DeclaredJob) {
        let declared = &mut self.write().declared;
        if !declared.iter().any(|known| known.is(&job)) {
            declared.push(job);
        }
    }

    /// Returns the declared jobs, sorted by the names of their functions.
    pub fn declared_jobs(&self) -> Vec<DeclaredJob> {
        let mut jobs = self.read().declared.clone();
        jobs.sort_by_key(DeclaredJob::function);
        jobs
    }
}
