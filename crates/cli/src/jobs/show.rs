//! `apscheduler jobs show`.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::{Value, json};

use super::view;
use crate::output;
use crate::relative_time::relative;
use crate::stores::Stores;

/// Show all details of a job.
#[derive(clap::Args)]
pub(super) struct ShowArgs {
    /// The id of the job
    id: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn show(stores: &Stores, args: &ShowArgs) -> Result<ExitCode> {
    let job = stores.job(&args.id)?;
    let mut shown = serde_json::to_value(&job)?;
    if job.broken().is_some() {
        let store = stores.scheduler.jobstore(job.jobstore());
        shown["state"] = json!(store.and_then(|store| view::raw_state(&*store, job.id())));
    }
    if args.json {
        output::json(&shown)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(time) = job.next_run_time().instant() {
        let now = stores.scheduler.clock().now();
        let text = job.zone(time).display(time);
        shown["next_run_time"] = json!(format!("{text} ({})", relative(now, time)));
    }
    if let Some((pause, text)) = job.paused().zip(view::pause(&job)) {
        let since = relative(stores.scheduler.clock().now(), pause.since);
        shown["pause"] = json!(format!("{text} (by {}, {since})", pause.by));
    }
    let Value::Object(shown) = shown else {
        return Ok(ExitCode::SUCCESS);
    };
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    };
    let grace = |value: &Value| {
        if value.is_null() { "none (no limit)".to_owned() } else { format!("{value} s") }
    };
    for (key, value) in &shown {
        let value = if key == "misfire_grace_time" { grace(value) } else { text(value) };
        output::line(&format!("{:<20}{value}", key.replace('_', " ")))?;
    }
    Ok(ExitCode::SUCCESS)
}
