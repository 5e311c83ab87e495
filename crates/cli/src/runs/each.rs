//! Does something with each of several runs.

use std::process::ExitCode;

use anyhow::Result;
use apscheduler::run::RunId;
use serde_json::{Value, json};

use crate::stores::Stores;
use crate::{output, stderr};

/// Runs on the command line.
#[derive(clap::Args)]
pub(super) struct RunArgs {
    /// The ids of the runs, as in `runs list`
    #[arg(required = true, value_name = "RUN")]
    pub(super) runs: Vec<RunId>,
    /// Print JSON: for each run its `run_id` and the `outcome`, or the `error`
    #[arg(long)]
    pub(super) json: bool,
}

/// What was done: a word for programs, and a sentence for people.
pub(super) struct Done {
    pub(super) outcome: &'static str,
    pub(super) sentence: String,
}

/// Calls `act` for every run. An error is reported and does not stop the others.
pub(super) fn each(
    stores: &Stores,
    (runs, json): (&[RunId], bool),
    act: impl Fn(RunId) -> apscheduler::Result<Done>,
) -> Result<ExitCode> {
    stores.check_any_persistent()?;
    let (mut code, mut done) = (ExitCode::SUCCESS, Vec::new());
    for run in runs {
        match act(*run) {
            Ok(Done { outcome, .. }) if json => {
                done.push(json!({"run_id": run, "outcome": outcome}));
            }
            Ok(Done { sentence, .. }) => output::line(&sentence)?,
            Err(error) => {
                if json {
                    done.push(json!({"run_id": run, "error": error.chain()}));
                }
                stderr::report(&error.into());
                code = ExitCode::FAILURE;
            }
        }
    }
    if json {
        output::json(&Value::Array(done))?;
    }
    Ok(code)
}
