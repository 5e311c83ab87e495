//! `apscheduler runs show`.

use std::process::ExitCode;

use anyhow::{Result, bail};
use apscheduler::ledger::RunQuery;
use apscheduler::run::RunId;
use serde_json::Value;

use crate::output;
use crate::stores::Stores;

/// Show everything that is recorded of a run, with each attempt.
#[derive(clap::Args)]
pub(super) struct ShowArgs {
    /// The id of the run, as in `runs list`
    run: RunId,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn show(stores: &Stores, args: &ShowArgs) -> Result<ExitCode> {
    let attempts = stores.runs(&RunQuery::new().run(args.run))?;
    if attempts.is_empty() {
        bail!("there is no record of the run {}; `apscheduler runs list` lists runs", args.run);
    }
    if args.json {
        output::json(&serde_json::to_value(&attempts)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    for attempt in &attempts {
        let record = serde_json::to_value(attempt)?;
        for (key, value) in record.as_object().into_iter().flatten() {
            let text = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            output::line(&format!("{key}: {text}"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
