//! Records of changes: who changed a job, and how.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{RunRecord, RunState};
use crate::run::{OwnerId, RunId};
use crate::time::Timestamp;

/// What was done to a job, or by a scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChangeKind {
    /// The job was added, or replaced one with its id.
    Added,
    /// The job was imported.
    Imported,
    /// Options of the job, or its next run time, were changed.
    Modified,
    /// The job got another trigger, and the next run time of that trigger.
    Rescheduled,
    /// The job was paused.
    Paused,
    /// The job was resumed.
    Resumed,
    /// The job was removed.
    Removed,
    /// A scheduler began to process the jobs of the store.
    SchedulerStarted,
    /// A scheduler was paused: it processes no jobs until it is resumed.
    SchedulerPaused,
    /// A scheduler was resumed.
    SchedulerResumed,
    /// A scheduler was shut down.
    SchedulerStopped,
}

impl ChangeKind {
    /// Returns the name, such as `modified`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Imported => "imported",
            Self::Modified => "modified",
            Self::Rescheduled => "rescheduled",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Removed => "removed",
            Self::SchedulerStarted => "scheduler_started",
            Self::SchedulerPaused => "scheduler_paused",
            Self::SchedulerResumed => "scheduler_resumed",
            Self::SchedulerStopped => "scheduler_stopped",
        }
    }
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A change of a job, or of many jobs at once. It is kept as the result of a record in the state
/// [`Changed`](RunState::Changed).
///
/// # Examples
/// ```
/// use apscheduler_core::ledger::{Change, ChangeKind};
/// use apscheduler_core::run::{OwnerId, RunId};
/// use apscheduler_core::time::{Clock, SystemClock};
/// use serde_json::json;
///
/// let change = Change::new("ada", ChangeKind::Modified).states(&json!({"max_instances": 1}), &json!({"max_instances": 2}));
/// assert_eq!(change.keys, ["max_instances"]);
/// let record = change.record("backup", SystemClock.now(), OwnerId::random());
/// assert_eq!(record.change(), Some(change));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Change {
    /// Who did it: the program with its host and process, and the user if one was given.
    pub who: String,
    /// What was done.
    pub what: ChangeKind,
    /// How many jobs it is about. `None` if it is one job, or all jobs of a store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jobs: Option<u64>,
    /// The keys that differ, if the job existed before and after it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// The job before it, as it was stored; of a job that existed before and after it, only the keys that differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The job after it, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// A note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Change {
    /// A change by somebody.
    pub fn new(who: impl Into<String>, what: ChangeKind) -> Self {
        let who = who.into();
        Self { who, what, jobs: None, keys: Vec::new(), before: None, after: None, note: None }
    }

    /// Sets how many jobs it is about.
    #[must_use]
    pub fn jobs(mut self, count: u64) -> Self {
        self.jobs = Some(count);
        self
    }

    /// Sets the job before it.
    #[must_use]
    pub fn before(mut self, state: impl Into<Option<Value>>) -> Self {
        self.before = state.into();
        self
    }

    /// Sets the job after it.
    #[must_use]
    pub fn after(mut self, state: impl Into<Option<Value>>) -> Self {
        self.after = state.into();
        self
    }

    /// Sets what differs between these objects.
    #[must_use]
    pub fn states(mut self, before: &Value, after: &Value) -> Self {
        let (Value::Object(before), Value::Object(after)) = (before, after) else { return self };
        let all = before.keys().chain(after.keys().filter(|key| !before.contains_key(*key)));
        self.keys = all.filter(|key| before.get(*key) != after.get(*key)).cloned().collect();
        let pick = |state: &serde_json::Map<String, Value>| -> Value {
            let wanted =
                self.keys.iter().filter_map(|key| Some((key.clone(), state.get(key)?.clone())));
            Value::Object(wanted.collect())
        };
        (self.before, self.after) = (Some(pick(before)), Some(pick(after)));
        self
    }

    /// Leaves out the states of the job.
    #[must_use]
    pub fn without_states(mut self) -> Self {
        (self.before, self.after) = (None, None);
        self
    }

    /// Sets the note.
    #[must_use]
    pub fn note(mut self, note: impl Into<Option<String>>) -> Self {
        self.note = note.into();
        self
    }

    /// Returns the change as the JSON text that a record keeps.
    pub fn text(&self) -> String {
        // Text and JSON values can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Returns the record of the change, with a new identifier. The id of the job is empty if it is about many jobs, or about
    /// a scheduler: no job has an empty id.
    pub fn record(
        &self,
        job_id: impl Into<Arc<str>>,
        time: Timestamp,
        owner: OwnerId,
    ) -> RunRecord {
        let record = RunRecord::new(RunId::new(time), job_id, time, owner, RunState::Changed);
        record.ended(time).result(self.text())
    }
}

impl RunRecord {
    /// Returns the change that the record is about, if it is about one.
    pub fn change(&self) -> Option<Change> {
        let text = self.result.as_deref().filter(|_| self.state == RunState::Changed)?;
        serde_json::from_str(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_keys_that_differ_are_kept() {
        let before = json!({"id": "a", "name": "x", "timeout": 5});
        let after = json!({"id": "a", "name": "y", "pause": {"note": "n"}});
        let change = Change::new("ada", ChangeKind::Modified).states(&before, &after);
        assert_eq!(change.keys, ["name", "timeout", "pause"]);
        assert_eq!(change.before, Some(json!({"name": "x", "timeout": 5})));
        assert_eq!(change.after, Some(json!({"name": "y", "pause": {"note": "n"}})));
    }

    #[test]
    fn a_change_is_read_as_it_was_written() {
        let change = Change::new("ada", ChangeKind::Removed)
            .before(json!({"id": "a"}))
            .note("old".to_owned());
        assert_eq!(
            change.text(),
            r#"{"who":"ada","what":"removed","before":{"id":"a"},"note":"old"}"#
        );
        let now = Timestamp::UNIX_EPOCH;
        let record = change.record("a", now, OwnerId::random());
        assert_eq!((record.state, record.scheduled_run_time), (RunState::Changed, now));
        assert_eq!(record.change(), Some(change));
        let run = RunRecord::new(RunId::new(now), "a", now, OwnerId::random(), RunState::Ok);
        assert_eq!(run.result("{}").change(), None);
    }
}
