//! Adds the jobs that are declared at their functions.

use std::collections::HashMap;
use std::sync::Arc;

use super::job::Job;
use super::scheduler::Scheduler;
use apscheduler_core::{Error, ErrorKind, Result};

impl Scheduler {
    /// Adds the jobs that `#[scheduled_job]` declares in the program and its linked crates. A job
    /// with the same id is replaced, as by APScheduler's decorator: a job that a store kept over a
    /// restart starts anew.
    ///
    /// # Errors
    /// Same as [`add_jobs`](Self::add_jobs); [`ErrorKind::ConflictingId`] if two declarations have
    /// the same id. No job is added in that case.
    pub fn add_declared_jobs(&self) -> Result<Vec<Job>> {
        let engine = &self.0;
        let defaults = engine.settings().job_defaults;
        let context = engine.trigger_context();
        let mut ids = HashMap::new();
        let mut jobs = Vec::new();
        for declared in engine.registry.declared_jobs() {
            let job = declared.build(&context, &defaults)?;
            let key = (Arc::clone(&job.jobstore), Arc::clone(job.spec.id_arc()));
            if let Some(other) = ids.insert(key, declared.function()) {
                let message = format!(
                    "it is declared on `{other}` and on `{}`; give one of them another `id`",
                    declared.function()
                );
                return Err(
                    Error::new(ErrorKind::ConflictingId, message).with_job_id(job.spec.id())
                );
            }
            jobs.push(job);
        }
        self.add_built(jobs)
    }
}
