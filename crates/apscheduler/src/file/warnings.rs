//! Schedules that are valid, but surely not what was meant.

use std::sync::Arc;

use apscheduler_core::Scheduler;
use apscheduler_core::time::Timestamp;
use apscheduler_core::trigger::{Trigger, TriggerContext, schedule_warning};

use super::sync::first_fire;
use super::{FileJob, JobsFile};

impl JobsFile {
    /// Says which jobs will not run though nothing is wrong with them: with a schedule, or a part of one, that never fires,
    /// and why, or with one that has ended. Jobs that can't be built are left out; [`check`](Self::check) is about them.
    pub fn warnings(&self, scheduler: &Scheduler) -> Vec<String> {
        self.warn(scheduler, |trigger, now| {
            schedule_warning(trigger, now).or_else(|| {
                let ended = first_fire(trigger, now).is_none();
                ended.then(|| format!("{trigger} has passed, so the job will not be added"))
            })
        })
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
