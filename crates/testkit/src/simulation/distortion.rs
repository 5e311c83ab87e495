//! Deliberate defects of the engine, as its ledger sees them: what the engine would have written or read.

use std::sync::Arc;

use apscheduler_core::ledger::{OpenQuery, OpenRun, OpenState, OpenStep, OwnerState};
use apscheduler_core::run::OwnerId;
use serde_json::{Map, Value, json};

use super::mutation::Mutation;

/// The key in the data of an open run that says how often it was run again after a crash.
const CRASHES: &str = "crashes";

/// In the data of an open run whose last attempt ended with its scheduler.
const RECOVERING: &str = "\"recovering\":true";

/// Returns the steps that an engine with this defect would have written.
pub(super) fn distort_steps(mutation: Option<Mutation>, steps: &[OpenStep]) -> Vec<OpenStep> {
    let mut steps = steps.to_vec();
    for step in &mut steps {
        let (Some(from), Some(to)) = (step.from, &mut step.to) else { continue };
        if from.state == to.state || from.attempt == to.attempt {
            continue;
        }
        match mutation {
            Some(Mutation::CrashesAreNotCounted) => to.data = with_crashes(to, |_| 0),
            // A failure counts as a crash.
            Some(Mutation::FailuresAreNotCounted) if !to.data.contains(RECOVERING) => {
                to.data = with_crashes(to, |count| count + 1);
            }
            _ => {}
        }
    }
    steps
}

fn with_crashes(row: &OpenRun, change: impl Fn(u64) -> u64) -> Arc<str> {
    let mut data: Map<String, Value> = serde_json::from_str(&row.data).unwrap_or_default();
    let crashes = data.get(CRASHES).and_then(Value::as_u64).unwrap_or_default();
    data.insert(CRASHES.to_owned(), json!(change(crashes)));
    Value::Object(data).to_string().into()
}

/// Returns the open runs that an engine with this defect would have regarded. `me` is the process that asks.
pub(super) fn distort_rows(
    mutation: Option<Mutation>,
    query: &OpenQuery,
    rows: Vec<OpenRun>,
    is_mine: impl Fn(OwnerId) -> bool,
) -> Vec<OpenRun> {
    let of_claimed = query.state == Some(OpenState::Claimed);
    let overlooks = match mutation {
        Some(Mutation::ClusterIsNotCounted) => of_claimed && query.job_id.is_some(),
        Some(Mutation::OpenRunsOfTheDeadAreOverlooked) => {
            of_claimed && query.owner.is_some_and(|owner| !is_mine(owner))
        }
        _ => false,
    };
    if overlooks { Vec::new() } else { rows }
}

/// Returns the answer to a sign of life that an engine with this defect would have understood.
pub(super) fn distort_state(mutation: Option<Mutation>, state: OwnerState) -> OwnerState {
    if mutation == Some(Mutation::DeathGoesUnnoticed) { OwnerState::Alive } else { state }
}
