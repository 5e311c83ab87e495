//! Events as tables, for event streams.

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::Event;
use crate::time::{Timestamp, Zone};

/// A table with `event`, `code` and the data of the event. Times are text in UTC.
///
/// # Examples
/// ```
/// use apscheduler_core::event::Event;
/// use apscheduler_core::job::JobKey;
///
/// let event = Event::JobAdded(JobKey::in_store("default", "backup"));
/// let json = r#"{"event":"JOB_ADDED","code":512,"job_id":"backup","jobstore":"default"}"#;
/// assert_eq!(serde_json::to_string(&event)?, json);
/// # Ok::<(), serde_json::Error>(())
/// ```
impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("event", self.name())?;
        map.serialize_entry("code", &self.code().bits())?;
        if let Some(alias) = self.alias() {
            map.serialize_entry("alias", alias)?;
        }
        if let Some(job) = self.job() {
            map.serialize_entry("job_id", job.id())?;
            map.serialize_entry("jobstore", &job.jobstore())?;
        }
        let iso = |time: &Timestamp| Zone::UTC.iso(*time);
        match self {
            Self::JobSubmitted { scheduled_run_times, .. }
            | Self::JobMaxInstances { scheduled_run_times, .. } => {
                let times: Vec<String> = scheduled_run_times.iter().map(iso).collect();
                map.serialize_entry("scheduled_run_times", &times)?;
            }
            Self::JobStarted { scheduled_run_time, .. } => {
                map.serialize_entry("scheduled_run_time", &iso(scheduled_run_time))?;
            }
            Self::JobExecuted { scheduled_run_time, retval, .. } => {
                map.serialize_entry("scheduled_run_time", &iso(scheduled_run_time))?;
                map.serialize_entry("retval", &**retval)?;
            }
            Self::JobError { scheduled_run_time, error, .. } => {
                map.serialize_entry("scheduled_run_time", &iso(scheduled_run_time))?;
                map.serialize_entry("exception", &error.to_string())?;
                map.serialize_entry("traceback", &error.trace())?;
            }
            Self::JobMissed { scheduled_run_time, missed, .. } => {
                map.serialize_entry("scheduled_run_time", &iso(scheduled_run_time))?;
                map.serialize_entry("reason", &missed.reason())?;
                map.serialize_entry("reason_code", missed.code().name())?;
                map.serialize_entry("lateness", &missed.lateness.as_secs_f64())?;
            }
            Self::JobLost { scheduled_run_time, run_id, owner, .. } => {
                map.serialize_entry("scheduled_run_time", &iso(scheduled_run_time))?;
                map.serialize_entry("run_id", run_id)?;
                map.serialize_entry("owner", &**owner)?;
            }
            Self::RunFenced { scheduled_run_time, run_id, attempt, state, .. } => {
                map.serialize_entry("scheduled_run_time", &iso(scheduled_run_time))?;
                map.serialize_entry("run_id", run_id)?;
                map.serialize_entry("attempt", attempt)?;
                map.serialize_entry("state", state)?;
            }
            Self::JobOverdue { scheduled_run_time, run_id, deadline, .. } => {
                map.serialize_entry("scheduled_run_time", &iso(scheduled_run_time))?;
                map.serialize_entry("run_id", run_id)?;
                map.serialize_entry("deadline", &iso(deadline))?;
            }
            Self::LedgerRecovered { dropped, .. } => map.serialize_entry("dropped", dropped)?,
            Self::JobBroken { reason, .. } | Self::JobStoreReplaced { reason, .. } => {
                map.serialize_entry("reason", &**reason)?;
            }
            Self::JobStoreError { error, .. } | Self::LedgerError { error, .. } => {
                map.serialize_entry("exception", &**error)?;
            }
            _ => {}
        }
        if let Some(run) = self.run() {
            match self {
                Self::JobSubmitted { .. } | Self::JobMaxInstances { .. } => {
                    let ids: Vec<String> = self.run_ids().map(String::from).collect();
                    map.serialize_entry("run_ids", &ids)?;
                }
                _ => map.serialize_entry("run_id", &run.id)?,
            }
            map.serialize_entry("attempt", &run.attempt)?;
            map.serialize_entry("owner", &*run.owner)?;
            map.serialize_entry("claimed", &iso(&run.claimed))?;
            for (key, time) in [("started", run.started), ("ended", run.ended)] {
                if let Some(time) = time {
                    map.serialize_entry(key, &iso(&time))?;
                }
            }
            if let Some(duration) = run.duration {
                map.serialize_entry("duration", &duration.as_secs_f64())?;
            }
        }
        map.end()
    }
}
