//! Records for tests of stores.

use std::sync::Arc;

use apscheduler_core::job::JobBuilder;
use apscheduler_core::store::{JobPayload, JobStore, NewRecord};
use apscheduler_core::time::Timestamp;
use apscheduler_engine::schedulers::BackgroundScheduler;
use chrono::TimeDelta;
use serde_json::{Value, json};

/// Makes records in the form that a store keeps: with states as text, or with live jobs.
#[derive(Clone, Debug)]
pub struct Records {
    serializes: bool,
    plain: JobPayload,
}

impl Records {
    /// Returns records for this store.
    pub fn of(store: &dyn JobStore) -> Self {
        let serializes = store.capabilities().serializes;
        Self { serializes, plain: state(serializes, 0) }
    }

    /// Returns a state that contains its number.
    pub fn state(&self, number: u64) -> JobPayload {
        if number == 0 { self.plain.clone() } else { state(self.serializes, number) }
    }

    /// Returns a job with the state 0, which does not replace another.
    pub fn new_record(
        &self,
        id: impl Into<Arc<str>>,
        next_run_time: Option<Timestamp>,
    ) -> NewRecord {
        NewRecord::new(id, next_run_time, self.state(0))
    }
}

fn state(serializes: bool, number: u64) -> JobPayload {
    let name = format!("state {number}");
    if serializes {
        let text = json!({
            "version": 1, "id": "any", "name": name, "func": "shop::orders::ship",
            "args": [42, "Tromsø"], "kwargs": {"express": true},
            "trigger": {"type": "interval", "seconds": 60},
            "executor": "default", "misfire_grace_time": 1, "coalesce": true, "max_instances": 1,
        });
        return JobPayload::Encoded(text.to_string().into());
    }
    let scheduler: BackgroundScheduler = BackgroundScheduler::new();
    let job = scheduler.add_job(JobBuilder::new(|| ()).name(name)).expect("a valid job");
    JobPayload::Live(Arc::clone(job.spec().expect("a job that waits is not broken")))
}

/// Returns the number in a state.
///
/// # Panics
/// If it is not a state of [`Records`].
pub fn state_number(state: &JobPayload) -> u64 {
    let name = match state {
        JobPayload::Live(spec) => spec.name().to_owned(),
        JobPayload::Encoded(text) => serde_json::from_str::<Value>(text)
            .ok()
            .and_then(|state| Some(state["name"].as_str()?.to_owned()))
            .unwrap_or_else(|| panic!("the state came back as {text:?}")),
    };
    let number = name.strip_prefix("state ").and_then(|number| number.parse().ok());
    number.unwrap_or_else(|| panic!("the state came back with the name {name:?}"))
}

/// Returns whether a state came back as it was stored: the same text, or the same job object.
pub fn same_state(left: &JobPayload, right: &JobPayload) -> bool {
    match (left, right) {
        (JobPayload::Live(left), JobPayload::Live(right)) => Arc::ptr_eq(left, right),
        (JobPayload::Encoded(left), JobPayload::Encoded(right)) => left == right,
        _ => false,
    }
}

/// Parses an RFC 3339 instant.
///
/// # Panics
/// If the text is not valid.
pub fn instant(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("`{text}` is not an instant in RFC 3339: {error}"))
}

/// Returns the instant this many seconds after the start of 2027.
pub fn second(seconds: i64) -> Timestamp {
    instant("2027-01-01T00:00:00Z") + TimeDelta::seconds(seconds)
}
