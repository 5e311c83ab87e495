//! `apscheduler runs list`.

use std::process::ExitCode;

use anyhow::Result;
use apscheduler::ledger::{RunQuery, RunRecord, RunState};
use apscheduler::run::RunId;
use apscheduler::time::Zone;
use clap::builder::PossibleValuesParser;

use crate::output;
use crate::stores::Stores;

/// List runs, the latest first.
///
/// The state is `claimed` while a run waits or runs, and then how it ended: `ok`, `failed`, `timed_out`, `cancelled` or
/// `lost`. Run times that did not run are `missed`, `skipped` or `coalesced`, with a reason. Changes of jobs, `changed`, are
/// listed only with `--state changed`; see also `apscheduler jobs history`.
#[derive(clap::Args)]
pub(super) struct ListArgs {
    /// The id of a job [default: all jobs]
    job: Option<String>,
    /// Only runs in this state; may be given more than once
    #[arg(long, value_name = "STATE", value_parser = states())]
    state: Vec<String>,
    /// The most runs to list
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Only runs before this one: the last one of the page before
    #[arg(long, value_name = "RUN")]
    before: Option<RunId>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn states() -> PossibleValuesParser {
    PossibleValuesParser::new(RunState::ALL.map(RunState::name))
}

pub(super) fn list(stores: &Stores, args: &ListArgs) -> Result<ExitCode> {
    let mut query = RunQuery::new().before(args.before).limit(args.limit);
    if let Some(job) = &args.job {
        query = query.job(job.as_str());
    }
    query.states.extend(args.state.iter().filter_map(|name| RunState::from_name(name)));
    let runs = stores.runs(&query)?;
    if args.json {
        output::json(&serde_json::to_value(&runs)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    if runs.is_empty() {
        if let Some(job) = &args.job {
            // A misspelt id has similar ones. The runs of a job may outlive it.
            stores.job(job)?;
        }
        output::line("No runs.")?;
        return Ok(ExitCode::SUCCESS);
    }
    let zone = stores.scheduler.timezone();
    output::table(
        &["RUN", "ATTEMPT", "JOB", "SCHEDULED", "STATE", "DURATION", "DETAIL"],
        runs.iter().map(|run| row(run, zone)).collect(),
    )?;
    Ok(ExitCode::SUCCESS)
}

fn row(run: &RunRecord, zone: Zone) -> Vec<String> {
    let duration = run.duration.map_or_else(|| "-".to_owned(), |time| format!("{time:.3?}"));
    vec![
        run.run_id.to_string(),
        run.attempt.to_string(),
        run.job_id.to_string(),
        zone.display(run.scheduled_run_time),
        described(run),
        duration,
        detail(run, zone),
    ]
}

/// The state of a run, with the reason.
pub(crate) fn described(run: &RunRecord) -> String {
    match run.reason {
        Some(reason) => format!("{}: {reason}", run.state),
        None => run.state.to_string(),
    }
}

/// The error of a run, its result, or its range of run times.
pub(crate) fn detail(run: &RunRecord, zone: Zone) -> String {
    match (&run.error, &run.result, run.until) {
        (Some(error), _, _) => error.lines().next().unwrap_or_default().to_owned(),
        (None, Some(result), _) => result.to_string(),
        (None, None, Some(until)) => format!("{} times until {}", run.count, zone.display(until)),
        (None, None, None) => "-".to_owned(),
    }
}
