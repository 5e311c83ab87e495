//! Fields of a job for output.

use apscheduler::job::{Job, NextRunTime};
use apscheduler::store::JobStore;
use apscheduler::time::{Timestamp, Zone};
use serde_json::{Map, Value, json};

/// The status: `scheduled`, `paused` or `broken`.
pub(super) fn status(job: &Job) -> &'static str {
    match (job.broken(), job.next_run_time()) {
        (Some(_), _) => "broken",
        (None, NextRunTime::Paused) => "paused",
        (None, _) if job.paused().is_some() => "paused",
        (None, _) => "scheduled",
    }
}

/// The pause of a job in words, with its end and its note.
pub(super) fn pause(job: &Job, scheduler: Zone) -> Option<String> {
    let pause = job.paused()?;
    let end =
        pause.until.map(|until| format!(" until {}", zone(job, scheduler, until).display(until)));
    let note = pause.note.as_ref().map(|note| format!(": {note}"));
    Some(format!("paused{}{}", end.unwrap_or_default(), note.unwrap_or_default()))
}

/// The zone for displaying run times: that of the trigger, or else of the scheduler.
pub(super) fn zone(job: &Job, scheduler: Zone, at: Timestamp) -> Zone {
    job.spec().map_or(scheduler, |spec| spec.trigger().zone(at))
}

/// The next run time in ISO 8601, in the zone of the job.
pub(super) fn next_run_time(job: &Job, scheduler: Zone) -> Option<String> {
    job.next_run_time().instant().map(|time| zone(job, scheduler, time).iso(time))
}

/// All fields of a job as JSON.
pub(super) fn json(job: &Job, scheduler: Zone) -> Value {
    let mut object = Map::new();
    let mut put = |key: &str, value: Value| drop(object.insert(key.to_owned(), value));
    put("id", json!(job.id()));
    put("name", json!(job.name()));
    put("jobstore", json!(job.jobstore()));
    put("status", json!(status(job)));
    put("next_run_time", json!(next_run_time(job, scheduler)));
    if let Some(pause) = job.paused() {
        put("pause", json!(pause));
    }
    if let Some(error) = job.broken() {
        put("reason", json!(error.chain()));
    }
    if let Some(spec) = job.spec() {
        put("func", json!(spec.function().name()));
        put("args", json!(spec.arguments().args()));
        put("kwargs", json!(spec.arguments().kwargs().cloned().unwrap_or_default()));
        put("trigger", json!(spec.trigger().to_string()));
        put("trigger_config", json!(&**spec.trigger()));
        put("executor", json!(spec.executor()));
        put("misfire_grace_time", json!(spec.misfire_grace_time().map(|time| time.as_secs())));
        put("coalesce", json!(spec.coalesce()));
        put("max_instances", json!(spec.max_instances()));
        put("timeout", json!(spec.timeout().map(|timeout| timeout.as_secs_f64())));
        if let Ok(Value::Object(policies)) = serde_json::to_value(spec.policies()) {
            policies.into_iter().for_each(|(name, value)| put(&name, value));
        }
    }
    let origin = job.origin();
    put("origin", json!(origin.map(|origin| &origin.file)));
    put("origin_name", json!(origin.and_then(|origin| origin.name.as_ref())));
    put("origin_host", json!(origin.and_then(|origin| origin.host.as_ref())));
    Value::Object(object)
}

/// The stored text of a job, for a record that can't be restored.
pub(super) fn raw_state(store: &dyn JobStore, id: &str) -> Option<String> {
    let record = store.lookup_job(id).ok().flatten()?;
    record.payload.as_text().map(str::to_owned)
}
