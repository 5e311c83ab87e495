//! `apscheduler validate --against-store`: shows what `run` would change.

use std::process::ExitCode;

use anyhow::Result;
use apscheduler::Shutdown;
use apscheduler::file::{JobsFile, Plan, PlannedAction, PlannedChange, PlannedJob};
use apscheduler::job::NextRunTime;
use apscheduler::time::Zone;
use apscheduler::{BackgroundScheduler, Scheduler};
use serde_json::{Value, json};

use crate::{output, stderr};

/// The length to which the table truncates values.
const VALUE_CHARS: usize = 60;

/// The parts of the summary line.
const SUMMARY: [(PlannedAction, &str); 6] = [
    (PlannedAction::Add, "to add"),
    (PlannedAction::Change, "to change"),
    (PlannedAction::Keep, "to keep"),
    (PlannedAction::Remove, "to remove"),
    (PlannedAction::End, "ended"),
    (PlannedAction::Refuse, "refused"),
];

/// Shows what applying a file to its stores would change. Writes nothing.
pub(crate) fn preview(
    file: &JobsFile,
    scheduler: &BackgroundScheduler,
    as_json: bool,
) -> Result<ExitCode> {
    scheduler.open_read_only()?;
    scheduler.start_paused()?;
    let plan = file.plan(scheduler);
    scheduler.shutdown(Shutdown::Wait)?;
    let plan = plan?;
    if as_json {
        output::json(&to_json(&plan, scheduler.timezone()))?;
    } else {
        print(&plan, scheduler)?;
    }
    for warning in plan.warnings() {
        stderr::warning(warning);
    }
    for refusal in plan.refusals() {
        stderr::error(&format!("{}: {refusal}", file.path().display()));
    }
    Ok(if plan.refusals().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(plan: &Plan, scheduler: &Scheduler) -> Result<()> {
    let row = |job: &PlannedJob| {
        let changes = job.changes.iter().map(change);
        let details: Vec<String> = changes.chain(job.reason.clone()).collect();
        let next = match job.next_run_time {
            None => "-".to_owned(),
            Some(NextRunTime::At(time)) => scheduler.timezone().display(time),
            Some(NextRunTime::Paused | NextRunTime::Pending) => "paused".to_owned(),
            Some(NextRunTime::AfterOthers) => "after others".to_owned(),
        };
        vec![
            job.action.name().to_owned(),
            job.id.clone(),
            job.jobstore.clone(),
            next,
            if details.is_empty() { "-".to_owned() } else { details.join("; ") },
        ]
    };
    if !plan.jobs().is_empty() {
        output::table(
            &["ACTION", "ID", "STORE", "NEXT RUN", "DETAILS"],
            plan.jobs().iter().map(row).collect(),
        )?;
    }
    let counts = SUMMARY.map(|(action, text)| format!("{} {text}", plan.count(action)));
    output::line(&counts.join(", "))
}

fn change(change: &PlannedChange) -> String {
    let short = |value: &Value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match text.char_indices().nth(VALUE_CHARS) {
            Some((end, _)) => format!("{}...", &text[..end]),
            None => text,
        }
    };
    format!("{}: {} -> {}", change.key, short(&change.before), short(&change.after))
}

fn to_json(plan: &Plan, zone: Zone) -> Value {
    let job = |job: &PlannedJob| {
        let next = job.next_run_time.and_then(NextRunTime::instant).map(|time| zone.iso(time));
        let changes = job.changes.iter().map(
            |change| json!({"key": change.key, "before": change.before, "after": change.after}),
        );
        json!({
            "action": job.action.name(),
            "id": job.id,
            "jobstore": job.jobstore,
            "next_run_time": next,
            "reason": job.reason,
            "changes": changes.collect::<Value>(),
        })
    };
    json!({
        "jobs": plan.jobs().iter().map(job).collect::<Value>(),
        "warnings": plan.warnings(),
        "refusals": plan.refusals(),
    })
}
