//! `apscheduler jobs modify`.

use std::process::ExitCode;

use anyhow::{Result, bail};
use apscheduler::job::JobChanges;

use super::options::JobOptions;
use crate::stores::Stores;
use crate::{fire_times, output};

/// Change a job. A new trigger gives it a new next run time.
///
/// A job from the jobs file keeps these changes until its entry in the file changes.
#[derive(clap::Args)]
pub(super) struct ModifyArgs {
    /// The id of the job
    id: String,
    /// The new function
    #[arg(long)]
    func: Option<String>,
    #[command(flatten)]
    options: JobOptions,
}

pub(super) fn modify(stores: &Stores, args: &ModifyArgs) -> Result<ExitCode> {
    stores.check_any_persistent()?;
    let job = stores.job(&args.id)?;
    let options = &args.options;
    let (mut changes, mut any) = (JobChanges::new(), false);
    let mut change = |with: &dyn Fn(JobChanges) -> JobChanges| {
        changes = with(std::mem::take(&mut changes));
        any = true;
    };
    if let Some(func) = &args.func {
        change(&|changes| changes.function(func.as_str()));
    }
    if let Some(name) = &options.name {
        change(&|changes| changes.name(name));
    }
    if let Some(args) = options.args()? {
        change(&|changes| changes.args(args.clone()));
    }
    if let Some(kwargs) = options.kwargs()? {
        change(&|changes| changes.kwargs(kwargs.clone()));
    }
    if let Some(executor) = &options.executor {
        change(&|changes| changes.executor(executor.as_str()));
    }
    if let Some(grace) = options.misfire_grace_time()? {
        change(&|changes| changes.misfire_grace_time(grace));
    }
    if let Some(coalesce) = options.coalesce {
        change(&|changes| changes.coalesce(coalesce));
    }
    if let Some(max_instances) = options.max_instances {
        change(&|changes| changes.max_instances(max_instances));
    }
    if let Some(timeout) = options.timeout()? {
        change(&|changes| changes.timeout(timeout));
    }
    if let Some(policies) = options.policies.given()? {
        change(&|changes| changes.policies(policies));
    }
    let scheduler = &stores.scheduler;
    let given = options.next_run_time(scheduler.timezone())?;
    if let Some(config) = options.trigger()? {
        let context = apscheduler::trigger::TriggerContext::new(
            scheduler.registry(),
            scheduler.timezone(),
            &**scheduler.clock(),
        );
        let trigger = context.build(&config)?;
        let next = given.unwrap_or_else(|| trigger.next_fire_time(None, context.now));
        fire_times::warn_of_schedule(&*trigger, context.now);
        change(&|changes| changes.trigger(trigger.clone()).next_run_time(next));
    } else if let Some(next) = given {
        change(&|changes| changes.next_run_time(next));
    }
    if !any {
        bail!("nothing to change; `apscheduler jobs modify --help` lists the options");
    }
    let job = job.modify(&changes)?;
    output::line(&format!("modified {}: {job}", job.id()))?;
    Ok(ExitCode::SUCCESS)
}
