//! `apscheduler runs prune`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use apscheduler::options::{self, Seconds};
use serde_json::{Value, json};

use crate::output;
use crate::progress::Progress;
use crate::stores::Stores;

/// Remove old records of runs and of changes now.
///
/// Running schedulers do that once a minute. What is kept is what `retention` of the jobs file says, unless options say
/// otherwise. The last records of each job, `keep_last`, are kept in any case. Records are removed in small pieces, so that
/// schedulers can go on meanwhile.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PruneArgs {
    /// Keep the records of runs that succeeded for this long, such as `1h` or `3 days`
    #[arg(long, value_name = "AGE")]
    ok_age: Option<String>,
    /// Keep all other records for this long
    #[arg(long, value_name = "AGE")]
    other_age: Option<String>,
    /// Keep at most this many records of runs that succeeded
    #[arg(long, value_name = "N")]
    max_ok: Option<usize>,
    /// Keep this many of the last records of each job in any case
    #[arg(long, value_name = "N")]
    keep_last: Option<usize>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  apscheduler runs prune --config jobs.toml
  apscheduler runs prune --config jobs.toml --ok-age '12h' --keep-last 5";

fn age(option: &str, text: &str) -> apscheduler::Result<Duration> {
    options::parse_value::<Seconds>(option, &Value::from(text))?.positive(option)
}

pub(super) fn prune(stores: &Stores, args: &PruneArgs) -> Result<ExitCode> {
    let mut retention = stores.scheduler.retention();
    if let Some(text) = &args.ok_age {
        retention.ok_age = age("--ok-age", text)?;
    }
    if let Some(text) = &args.other_age {
        retention.other_age = age("--other-age", text)?;
    }
    retention.max_ok = args.max_ok.unwrap_or(retention.max_ok);
    retention.keep_last = args.keep_last.unwrap_or(retention.keep_last);
    stores.check_any_persistent()?;
    let progress = Progress::new("removing records", args.json);
    let note = |removed: usize| progress.done(format_args!("{removed} records removed"));
    let removed = match stores.alias() {
        Some(alias) => stores.scheduler.prune_runs_in(alias, &retention, note),
        None => stores.scheduler.prune_runs(&retention, note),
    };
    drop(progress);
    let removed = removed?;
    if args.json {
        output::json(&json!({"removed": removed}))?;
    } else {
        output::line(&format!("removed {removed} records"))?;
    }
    Ok(ExitCode::SUCCESS)
}
