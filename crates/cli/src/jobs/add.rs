//! `apscheduler jobs add`.

use std::process::ExitCode;

use anyhow::Result;
use apscheduler::job::JobBuilder;

use super::options::JobOptions;
use crate::stores::Stores;
use crate::{fire_times, output};

/// Add a job. Without a trigger it runs once, immediately.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct AddArgs {
    /// The id of the job [default: 32 random hexadecimal digits]
    #[arg(long)]
    id: Option<String>,
    /// The name of the function; `apscheduler plugins` lists the functions
    #[arg(long)]
    func: String,
    #[command(flatten)]
    options: JobOptions,
    /// Replace an existing job with the same id
    #[arg(long)]
    replace: bool,
}

const EXAMPLES: &str = "\
Examples:
  apscheduler jobs add --id hi --func command --kwargs '{\"shell\": \"date\"}' --cron '0 * * * *'
  apscheduler jobs add --id mail --func command --kwargs '{\"shell\": \"./mail\"}' --after report --after backup:failed
  apscheduler jobs add --func command --kwargs '{\"argv\": [\"make\"]}' --misfire-grace-time none";

pub(super) fn add(stores: &Stores, args: &AddArgs) -> Result<ExitCode> {
    let options = &args.options;
    let mut job = JobBuilder::new(args.func.as_str())
        .jobstore(stores.target()?)
        .replace_existing(args.replace);
    if let Some(id) = &args.id {
        job = job.id(id);
    }
    if let Some(name) = &options.name {
        job = job.name(name);
    }
    if let Some(args) = options.args()? {
        job = job.args(args);
    }
    if let Some(kwargs) = options.kwargs()? {
        job = job.kwargs(kwargs);
    }
    if let Some(trigger) = options.trigger()? {
        job = job.trigger(trigger);
    }
    if let Some(executor) = &options.executor {
        job = job.executor(executor.as_str());
    }
    if let Some(grace) = options.misfire_grace_time()? {
        job = job.misfire_grace_time(grace);
    }
    if let Some(coalesce) = options.coalesce {
        job = job.coalesce(coalesce);
    }
    if let Some(max_instances) = options.max_instances {
        job = job.max_instances(max_instances);
    }
    if let Some(Some(timeout)) = options.timeout()? {
        job = job.timeout(timeout);
    }
    if let Some(policies) = options.policies.given()? {
        job = job.policies(policies);
    }
    if let Some(time) = options.next_run_time(stores.scheduler.timezone())? {
        job = job.next_run_time(time);
    }
    let job = stores.scheduler.add_job(job)?;
    output::line(&format!("added {}: {job}", job.id()))?;
    if let Some(spec) = job.spec() {
        fire_times::warn_of_schedule(&**spec.trigger(), stores.scheduler.clock().now());
    }
    Ok(ExitCode::SUCCESS)
}
