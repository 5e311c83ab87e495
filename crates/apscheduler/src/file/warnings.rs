//! What is valid in a file, but surely not what was meant.

use std::sync::Arc;

use apscheduler_core::time::Timestamp;
use apscheduler_core::trigger::{Trigger, TriggerContext, schedule_warning};
use apscheduler_engine::Scheduler;

use super::stored::jobs;
use super::wanted::first_fire;
use super::{FileJob, JobsFile};

impl JobsFile {
    /// Says which jobs will not run though nothing is wrong with them: with a schedule, or a part of one, that never fires,
    /// and why, or with one that has ended. Jobs that can't be built are left out; [`check`](Self::check) is about them.
    ///
    /// Before the start also whether jobs are kept in memory although the file has a store that would keep them over
    /// restarts.
    pub fn warnings(&self, scheduler: &Scheduler) -> Vec<String> {
        let mut warnings = self.warn(scheduler, |trigger, now| {
            schedule_warning(trigger, now).or_else(|| {
                let ended = first_fire(trigger, now).is_none();
                ended.then(|| format!("{trigger} has passed, so the job will not be added"))
            })
        });
        warnings.extend(self.kept_in_memory(scheduler));
        warnings
    }

    /// The warning about jobs that go into the store `default` where the file has others, and not that one. The scheduler
    /// has been configured and not started: the start makes up what is missing.
    pub(super) fn kept_in_memory(&self, scheduler: &Scheduler) -> Option<String> {
        let outlives = |alias: &String| {
            scheduler.jobstore(alias).is_some_and(|store| {
                let can = store.capabilities();
                can.durable || can.shared
            })
        };
        let aliases = scheduler.jobstore_aliases();
        let durable = aliases.iter().find(|alias| outlives(alias))?;
        // Whoever names a store in memory means it.
        let left_open = |job: &&FileJob| !job.table().contains_key("jobstore");
        let count = self.jobs.iter().filter(left_open).count();
        if count == 0 || aliases.iter().any(|alias| alias == "default") {
            return None;
        }
        Some(format!(
            "{}: {} without a `jobstore` {} kept in memory and will not survive a restart, since the file has no job store \
             `default`; rename `{durable}`, or say `jobstore = {durable:?}`",
            self.path.display(),
            jobs(count),
            if count == 1 { "is" } else { "are" },
        ))
    }

    /// The warnings about schedules that never fire. One that has ended was meant to.
    pub(super) fn never_firing(&self, scheduler: &Scheduler) -> Vec<String> {
        self.warn(scheduler, |trigger, now| {
            trigger.problem(now).and_then(|_| schedule_warning(trigger, now))
        })
    }

    fn warn(
        &self,
        scheduler: &Scheduler,
        warning: impl Fn(&dyn Trigger, Timestamp) -> Option<String>,
    ) -> Vec<String> {
        let context =
            TriggerContext::new(scheduler.registry(), scheduler.timezone(), &**scheduler.clock());
        let warn = |job: &FileJob| {
            let trigger: Arc<dyn Trigger> = job.trigger(&context).ok()??;
            let warning = warning(&*trigger, context.now)?;
            Some(format!("{}: {}: {warning}", self.path.display(), job.place()))
        };
        self.jobs.iter().filter_map(warn).collect()
    }
}
