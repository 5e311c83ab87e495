//! Makes the stores hold what a file says.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use apscheduler_core::job::JobChanges;
use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_engine::Scheduler;

use super::identity::Identity;
use super::plan::{self, Plan, PlannedAction, PlannedJob, Step};
use super::stored::{Stored, jobs};
use super::wanted::Wanted;

/// How often it is tried again because another process changed the same jobs.
const MAX_TRIES: usize = 20;

/// What [`JobsFile::apply`](super::JobsFile::apply) did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Applied {
    /// Jobs that were new, or took the place of a broken record.
    pub added: usize,
    /// Jobs that were changed.
    pub changed: usize,
    /// Jobs that were as the file says.
    pub unchanged: usize,
    /// Jobs that had left the file.
    pub removed: usize,
    /// Jobs that were not added because their schedule has ended.
    pub ended: usize,
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { added, changed, unchanged, removed, ended } = self;
        write!(f, "{added} added, {changed} changed, {unchanged} unchanged, {removed} removed")?;
        if *ended > 0 {
            write!(f, ", {ended} ended")?;
        }
        Ok(())
    }
}

/// A file that is applied to the stores of a scheduler.
pub(super) struct Sync<'a> {
    pub(super) scheduler: &'a Scheduler,
    pub(super) identity: &'a Identity,
    pub(super) take_over: bool,
    pub(super) wanted: &'a [Wanted],
}

impl Sync<'_> {
    /// What would be done.
    pub(super) fn plan(&self) -> Result<Plan> {
        let Self { scheduler, identity, take_over, wanted } = *self;
        let stored = Stored::read(scheduler, identity, take_over, wanted)?;
        Ok(plan::plan(identity, take_over, wanted, &stored, scheduler.clock().now()))
    }

    /// Does it.
    pub(super) fn apply(&self) -> Result<Applied> {
        let mut applied = Applied::default();
        let mut told = HashSet::new();
        let mut tries = 0;
        loop {
            tries += 1;
            let plan = self.plan()?;
            refuse(&plan)?;
            for warning in plan.warnings() {
                if told.insert(warning.clone()) {
                    tracing::warn!("{warning}");
                }
            }
            match self.carry_out(&plan, &mut applied) {
                Ok(()) => return Ok(applied),
                // Another process added or removed one of the jobs since they were listed.
                Err(error)
                    if matches!(error.kind(), ErrorKind::ConflictingId | ErrorKind::JobLookup)
                        && tries < MAX_TRIES =>
                {
                    tracing::debug!("applying the jobs file again: {}", error.chain());
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn carry_out(&self, plan: &Plan, applied: &mut Applied) -> Result<()> {
        // What is as it should be is counted anew at each try.
        applied.unchanged = plan.count(PlannedAction::Keep);
        applied.ended = plan.count(PlannedAction::End);
        // First of all, so that a job that moves to another store is never in both.
        for job in plan.jobs().iter().filter(|job| job.action == PlannedAction::Remove) {
            tracing::info!(
                job_id = job.id,
                jobstore = job.jobstore,
                "the job has left the file and is removed"
            );
            self.scheduler.remove_job((&job.jobstore, &job.id))?;
            applied.removed += 1;
        }
        let mut new = Vec::new();
        for job in plan.jobs() {
            match &job.step {
                Step::Add { wanted } => new.push(self.wanted[*wanted].new_job()),
                Step::Replace { wanted, next } => {
                    let builder = self.wanted[*wanted].new_job().replace_existing(true);
                    new.push(match next {
                        Some(next) => builder.next_run_time(*next),
                        None => builder,
                    });
                }
                _ => self.change(job, applied)?,
            }
        }
        let count = new.len();
        self.scheduler.add_jobs(new)?;
        applied.added += count;
        Ok(())
    }

    /// Changes a stored job.
    fn change(&self, job: &PlannedJob, applied: &mut Applied) -> Result<()> {
        let modify = |changes: &JobChanges| {
            self.scheduler.modify_job((&job.jobstore, &job.id), changes).map(drop)
        };
        match &job.step {
            Step::Adopt { wanted } => {
                modify(&JobChanges::new().origin(self.wanted[*wanted].origin.clone()))
            }
            Step::Update { wanted, next } => {
                let wanted = &self.wanted[*wanted];
                let mut changes = wanted.changes();
                if let Some(next) = next {
                    changes =
                        changes.trigger(Arc::clone(wanted.spec.trigger())).next_run_time(*next);
                }
                modify(&changes)?;
                tracing::info!(job_id = job.id, "the job has changed in the file");
                applied.changed += 1;
                Ok(())
            }
            Step::Remove if job.action == PlannedAction::End => {
                tracing::info!(job_id = job.id, "the schedule of the job has ended, it is removed");
                self.scheduler.remove_job((&job.jobstore, &job.id))
            }
            Step::Nothing if job.action == PlannedAction::End => {
                let reason = job.reason.as_deref().unwrap_or_default();
                tracing::info!(job_id = job.id, "the job is not added: {reason}");
                Ok(())
            }
            // These are written elsewhere, or not at all.
            Step::Nothing | Step::Remove | Step::Add { .. } | Step::Replace { .. } => Ok(()),
        }
    }
}

/// The first of what speaks against a plan.
fn refuse(plan: &Plan) -> Result<()> {
    let Some((first, others)) = plan.refusals().split_first() else {
        return Ok(());
    };
    let more = match others.len() {
        0 => String::new(),
        count => format!(
            "; the same holds for {}, which `apscheduler validate --against-store` lists",
            jobs(count)
        ),
    };
    Err(Error::new(ErrorKind::Config, format!("{first}{more}")))
}
