//! `apscheduler jobs history`.

use std::process::ExitCode;

use anyhow::Result;
use apscheduler::ledger::{Change, RunQuery, RunRecord, RunState};
use apscheduler::run::RunId;
use apscheduler::time::Zone;

use crate::output;
use crate::runs::{described, detail};
use crate::stores::Stores;

/// Show what is recorded of a job: its runs, and who changed it, the latest first.
///
/// A change has the keys that differ; `--json` shows their values before and after it. If more than 1000 jobs were added by
/// one call, there is one record for all of them, which is not shown here.
#[derive(clap::Args)]
pub(super) struct HistoryArgs {
    /// The id of the job; it may have been removed
    id: String,
    /// The most entries to show
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Only entries before this one: the last one of the page before
    #[arg(long, value_name = "RUN")]
    before: Option<RunId>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn history(stores: &Stores, args: &HistoryArgs) -> Result<ExitCode> {
    let mut query = RunQuery::new().job(args.id.as_str()).before(args.before).limit(args.limit);
    query.states.extend(RunState::ALL);
    let records = stores.runs(&query)?;
    if args.json {
        output::json(&serde_json::to_value(&records)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    if records.is_empty() {
        // A misspelt id has similar ones. The records of a job may outlive it.
        stores.job(&args.id)?;
        output::line("Nothing is recorded of this job.")?;
        return Ok(ExitCode::SUCCESS);
    }
    let zone = stores.scheduler.timezone();
    output::table(
        &["RUN", "TIME", "WHAT", "BY", "DETAIL"],
        records.iter().map(|record| row(record, zone)).collect(),
    )?;
    Ok(ExitCode::SUCCESS)
}

fn row(record: &RunRecord, zone: Zone) -> Vec<String> {
    let (what, by, detail) = match record.change() {
        Some(change) => (change.what.to_string(), change.who.clone(), change_detail(&change)),
        None => (described(record), "-".to_owned(), detail(record, zone)),
    };
    let time = zone.display(record.scheduled_run_time);
    vec![record.run_id.to_string(), time, what, by, detail]
}

fn change_detail(change: &Change) -> String {
    let keys = change.keys.join(", ");
    match (&change.note, keys.is_empty()) {
        (Some(note), true) => note.clone(),
        (Some(note), false) => format!("{keys}: {note}"),
        (None, true) => "-".to_owned(),
        (None, false) => keys,
    }
}
