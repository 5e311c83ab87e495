//! `apscheduler runs retry`.

use std::process::ExitCode;

use anyhow::Result;

use super::each::{Done, RunArgs, each};
use crate::stores::Stores;

/// Make another attempt of runs that failed, timed out, were cancelled, are lost, or did not run.
///
/// The attempt has the id of the run and the next attempt number. It waits in the store until a running scheduler claims it:
/// usually within a second. It runs the job as the store has it now. The schedule of the job does not move.
///
/// A run that is open is refused, and so is a record that stands for several run times: `apscheduler jobs backfill` runs those
/// of a range.
#[derive(clap::Args)]
pub(super) struct RetryArgs {
    #[command(flatten)]
    runs: RunArgs,
    /// Repeat runs that succeeded too
    #[arg(long)]
    even_if_ok: bool,
}

pub(super) fn retry(stores: &Stores, args: &RetryArgs) -> Result<ExitCode> {
    each(stores, (&args.runs.runs, args.runs.json), |run| {
        if args.even_if_ok {
            stores.scheduler.repeat_run(run)?;
        } else {
            stores.scheduler.retry_run(run)?;
        }
        Ok(Done { outcome: "waiting", sentence: format!("the run {run} is due now") })
    })
}
