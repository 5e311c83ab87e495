//! `apscheduler jobs list`.

use std::process::ExitCode;

use anyhow::Result;
use apscheduler::job::Job;

use super::view;
use crate::output;
use crate::stores::Stores;

/// List jobs in the order of their next run times.
///
/// The status is `scheduled`, `paused` with the end and the note of the pause, or `broken` with the reason. A broken job stays in its store and runs again as soon
/// as it can be restored.
#[derive(clap::Args)]
pub(super) struct ListArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn list(stores: &Stores, args: &ListArgs) -> Result<ExitCode> {
    let mut jobs = stores.jobs()?;
    // Paused jobs last.
    jobs.sort_by_key(|job| {
        let next = job.next_run_time().instant();
        (next.is_none(), next, job.id().to_owned())
    });
    stores.warn_of_memory_stores();
    if args.json {
        output::json(&jobs)?;
        return Ok(ExitCode::SUCCESS);
    }
    if jobs.is_empty() {
        output::line("No jobs.")?;
        return Ok(ExitCode::SUCCESS);
    }
    let row = |job: &Job| {
        let next = job.next_run_time().instant().map(|time| job.zone(time).display(time));
        let trigger = job.spec().map(|spec| spec.trigger().to_string());
        let status = match job.broken() {
            Some(error) => format!("broken: {}", error.message()),
            None => view::pause(job).unwrap_or_else(|| job.status().to_string()),
        };
        let dash = || "-".to_owned();
        vec![
            job.id().to_owned(),
            job.name().to_owned(),
            next.unwrap_or_else(dash),
            trigger.unwrap_or_else(dash),
            job.jobstore().to_owned(),
            status,
        ]
    };
    output::table(
        &["ID", "NAME", "NEXT RUN", "TRIGGER", "STORE", "STATUS"],
        jobs.iter().map(row).collect(),
    )?;
    Ok(ExitCode::SUCCESS)
}
