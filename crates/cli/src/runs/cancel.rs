//! `apscheduler runs cancel`.

use std::process::ExitCode;

use anyhow::Result;
use apscheduler::Cancelling;
use apscheduler::run::RunId;
use serde_json::json;

use super::each::{Done, each};
use crate::output;
use crate::stores::Stores;

/// Cancel runs that wait, or that are running.
///
/// A run that waits ends, and is recorded as `cancelled`. The scheduler that runs any other is asked to cancel it, and sees
/// that with its next sign of life at the latest (a sixth of its `lease`): the function is asked to end, and the programs of
/// `command` and the workers of `processpool` are ended. A function that does not look at its cancellation token runs to its
/// end.
#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["runs", "backfill"])))]
pub(super) struct CancelArgs {
    /// The ids of the runs, as in `runs list`
    #[arg(value_name = "RUN")]
    runs: Vec<RunId>,
    /// All runs of this backfill that have not begun: the id that `jobs backfill` printed
    #[arg(long, value_name = "BACKFILL")]
    backfill: Option<RunId>,
    /// Print JSON: for each run its `run_id` and the `outcome`, or the `error`
    #[arg(long)]
    json: bool,
}

pub(super) fn cancel(stores: &Stores, args: &CancelArgs) -> Result<ExitCode> {
    if let Some(backfill) = args.backfill {
        stores.check_any_persistent()?;
        let cancelled = stores.scheduler.cancel_backfill(backfill)?;
        if args.json {
            output::json(&json!({"backfill": backfill, "cancelled": cancelled}))?;
        } else {
            output::line(&format!("{cancelled} runs that had not begun were cancelled"))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    each(stores, (&args.runs, args.json), |run| {
        Ok(match stores.scheduler.cancel_run(run)? {
            Cancelling::Asked(owner) => Done {
                outcome: "asked",
                sentence: format!("the scheduler {owner} is asked to cancel the run {run}"),
            },
            _ => Done { outcome: "cancelled", sentence: format!("cancelled the run {run}") },
        })
    })
}
