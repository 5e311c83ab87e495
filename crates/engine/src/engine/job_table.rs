//! The fields of a job as a table, for lists and for machines.

use std::fmt;

use apscheduler_core::time::{Timestamp, Zone};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::job::{Job, NextRunTime};

/// Whether a job runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JobStatus {
    /// It runs at its next run time, or after the jobs that it follows.
    Scheduled,
    /// It does not run until it is resumed.
    Paused,
    /// This scheduler can't run it; [`Job::broken`] says why.
    Broken,
}

impl JobStatus {
    /// Returns the name of the status, such as `paused`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Paused => "paused",
            Self::Broken => "broken",
        }
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Job {
    /// Returns whether the job runs.
    pub fn status(&self) -> JobStatus {
        if self.broken().is_some() {
            JobStatus::Broken
        } else if self.next_run_time() == NextRunTime::Paused || self.paused().is_some() {
            JobStatus::Paused
        } else {
            JobStatus::Scheduled
        }
    }

    /// Returns the zone in which run times of the job are shown at an instant: that of its trigger, or
    /// else of the scheduler.
    pub fn zone(&self, at: Timestamp) -> Zone {
        self.spec().map_or_else(|| self.scheduler().timezone(), |spec| spec.trigger().zone(at))
    }
}

/// All fields of the job as a table, with times in ISO 8601 in the [zone](Job::zone) of the job.
///
/// `reason` says why a job is broken. The options of a job that can't be restored are missing.
impl Serialize for Job {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut table = serializer.serialize_map(None)?;
        table.serialize_entry("id", self.id())?;
        table.serialize_entry("name", self.name())?;
        table.serialize_entry("jobstore", self.jobstore())?;
        table.serialize_entry("status", self.status().name())?;
        let next = self.next_run_time().instant().map(|time| self.zone(time).iso(time));
        table.serialize_entry("next_run_time", &next)?;
        if let Some(pause) = self.paused() {
            table.serialize_entry("pause", pause)?;
        }
        if let Some(error) = self.broken() {
            table.serialize_entry("reason", &error.chain())?;
        }
        if let Some(spec) = self.spec() {
            table.serialize_entry("func", spec.function().name())?;
            table.serialize_entry("args", spec.arguments().args())?;
            let kwargs = spec.arguments().kwargs().cloned().unwrap_or_default();
            table.serialize_entry("kwargs", &kwargs)?;
            table.serialize_entry("trigger", &spec.trigger().to_string())?;
            table.serialize_entry("trigger_config", &**spec.trigger())?;
            table.serialize_entry("executor", spec.executor())?;
            let grace = spec.misfire_grace_time().map(|time| time.as_secs());
            table.serialize_entry("misfire_grace_time", &grace)?;
            table.serialize_entry("coalesce", &spec.coalesce())?;
            table.serialize_entry("max_instances", &spec.max_instances())?;
            let timeout = spec.timeout().map(|timeout| timeout.as_secs_f64());
            table.serialize_entry("timeout", &timeout)?;
            if let Ok(Value::Object(policies)) = serde_json::to_value(spec.policies()) {
                policies.iter().try_for_each(|(name, value)| table.serialize_entry(name, value))?;
            }
        }
        let origin = self.origin();
        table.serialize_entry("origin", &origin.map(|origin| &origin.file))?;
        table.serialize_entry("origin_name", &origin.and_then(|origin| origin.name.as_ref()))?;
        table.serialize_entry("origin_host", &origin.and_then(|origin| origin.host.as_ref()))?;
        table.end()
    }
}
