//! Changes the stores to match a file.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use apscheduler_core::job::JobChanges;
use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_engine::Scheduler;

use super::identity::Identity;
use super::plan::{self, Plan, PlannedAction, PlannedJob, Step};
use super::stored::Stored;
use super::wanted::Wanted;

/// The most attempts if other processes change the same jobs meanwhile.
const MAX_ATTEMPTS: usize = 20;

/// The changes that [`JobsFile::apply`](super::JobsFile::apply) made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Applied {
    /// The number of jobs that were added, or replaced a broken record.
    pub added: usize,
    /// The number of jobs that were changed.
    pub changed: usize,
    /// The number of jobs that already matched the file.
    pub unchanged: usize,
    /// The number of jobs that were removed because they are no longer in the file.
    pub removed: usize,
    /// The number of jobs that were not added because their schedule has ended.
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

/// Applies a file to the stores of a scheduler.
pub(super) struct FileSync<'a> {
    pub(super) scheduler: &'a Scheduler,
    pub(super) identity: &'a Identity,
    pub(super) take_over: bool,
    pub(super) wanted: &'a [Wanted],
}

impl FileSync<'_> {
    /// Returns the changes without making them.
    pub(super) fn plan(&self) -> Result<Plan> {
        let Self { scheduler, identity, take_over, wanted } = *self;
        let stored = Stored::read(scheduler, identity, take_over, wanted)?;
        Ok(plan::plan(identity, take_over, wanted, &stored, scheduler.clock().now()))
    }

    /// Makes the changes.
    pub(super) fn apply(&self) -> Result<Applied> {
        let mut applied = Applied::default();
        let mut logged = HashSet::new();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let plan = self.plan()?;
            refuse(&plan)?;
            for warning in plan.warnings() {
                if logged.insert(warning.clone()) {
                    tracing::warn!("{warning}");
                }
            }
            match self.carry_out(&plan, &mut applied) {
                Ok(()) => return Ok(applied),
                // Another process has added or removed one of the jobs since they were listed.
                Err(error)
                    if matches!(error.kind(), ErrorKind::ConflictingId | ErrorKind::JobLookup)
                        && attempts < MAX_ATTEMPTS =>
                {
                    tracing::debug!("retrying to apply the jobs file: {}", error.chain());
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn carry_out(&self, plan: &Plan, applied: &mut Applied) -> Result<()> {
        // Attempts do not add up for jobs that need no change.
        applied.unchanged = plan.count(PlannedAction::Keep);
        applied.ended = plan.count(PlannedAction::End);
        // First, so that a job that moves to another store is never in both.
        for job in plan.jobs().iter().filter(|job| job.action == PlannedAction::Remove) {
            tracing::info!(
                job_id = job.id,
                jobstore = job.jobstore,
                "removing the job: it is no longer in the jobs file"
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
                tracing::info!(job_id = job.id, "changed the job to match the jobs file");
                applied.changed += 1;
                Ok(())
            }
            Step::Remove if job.action == PlannedAction::End => {
                tracing::info!(job_id = job.id, "removing the job: its schedule has ended");
                self.scheduler.remove_job((&job.jobstore, &job.id))
            }
            Step::Nothing if job.action == PlannedAction::End => {
                let reason = job.reason.as_deref().unwrap_or_default();
                tracing::info!(job_id = job.id, "not adding the job: {reason}");
                Ok(())
            }
            // Removals and additions are made by the caller.
            Step::Nothing | Step::Remove | Step::Add { .. } | Step::Replace { .. } => Ok(()),
        }
    }
}

/// Returns the first refusal of a plan as an error.
fn refuse(plan: &Plan) -> Result<()> {
    let Some((first, others)) = plan.refusals().split_first() else {
        return Ok(());
    };
    let more = match others.len() {
        0 => String::new(),
        1 => "; there is 1 more error, see `apscheduler validate --against-store`".to_owned(),
        count => {
            format!("; there are {count} more errors, see `apscheduler validate --against-store`")
        }
    };
    Err(Error::new(ErrorKind::Config, format!("{first}{more}")))
}
