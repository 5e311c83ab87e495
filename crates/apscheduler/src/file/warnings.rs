//! Warnings about valid files that probably don't do what was meant.

use std::path::Path;
use std::sync::Arc;

use apscheduler_core::time::Timestamp;
use apscheduler_core::trigger::{Trigger, TriggerContext, schedule_warning};
use apscheduler_engine::Scheduler;

use super::entry::FileJob;
use super::stored::count_of_jobs;
use super::wanted::first_fire;

/// Warns of jobs with a schedule that has ended, or that never fires in whole or in part.
pub(super) fn schedules(path: &Path, jobs: &[FileJob], scheduler: &Scheduler) -> Vec<String> {
    warn(path, jobs, scheduler, |trigger, now| {
        schedule_warning(trigger, now).or_else(|| {
            let ended = first_fire(trigger, now).is_none();
            ended.then(|| format!("{trigger} has ended, so the job will not be added"))
        })
    })
}

/// Warns of jobs with a schedule that never fires. One that has ended is not reported.
pub(super) fn never_firing(path: &Path, jobs: &[FileJob], scheduler: &Scheduler) -> Vec<String> {
    warn(path, jobs, scheduler, |trigger, now| {
        trigger.diagnose(now).and_then(|_| schedule_warning(trigger, now))
    })
}

fn warn(
    path: &Path,
    jobs: &[FileJob],
    scheduler: &Scheduler,
    warning: impl Fn(&dyn Trigger, Timestamp) -> Option<String>,
) -> Vec<String> {
    let context =
        TriggerContext::new(scheduler.registry(), scheduler.timezone(), &**scheduler.clock());
    let warn = |job: &FileJob| {
        let trigger: Arc<dyn Trigger> = job.trigger(&context).ok()??;
        let warning = warning(&*trigger, context.now)?;
        Some(format!("{}: {}: {warning}", path.display(), job.place()))
    };
    jobs.iter().filter_map(warn).collect()
}

/// Warns of jobs that will be kept in memory because the file has persistent job stores, but none with the alias
/// `default`. Call it before the scheduler starts: the start adds the missing store.
pub(super) fn kept_in_memory(
    path: &Path,
    jobs: &[FileJob],
    scheduler: &Scheduler,
) -> Option<String> {
    let is_persistent = |alias: &String| {
        scheduler.jobstore(alias).is_some_and(|store| {
            let can = store.capabilities();
            can.durable || can.shared
        })
    };
    let aliases = scheduler.jobstore_aliases();
    let persistent = aliases.iter().find(|alias| is_persistent(alias))?;
    // A job that names its store is meant to be there.
    let count = jobs.iter().filter(|job| !job.table().contains_key("jobstore")).count();
    if count == 0 || aliases.iter().any(|alias| alias == "default") {
        return None;
    }
    Some(format!(
        "{}: {} without a `jobstore` {} kept in memory and will not survive a restart, since the file has no job store \
         `default`; rename `{persistent}` to `default`, or set `jobstore = {persistent:?}`",
        path.display(),
        count_of_jobs(count),
        if count == 1 { "is" } else { "are" },
    ))
}
