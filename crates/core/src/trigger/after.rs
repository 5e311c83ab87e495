//! Jobs that run after others, instead of at a time.

use std::fmt;
use std::sync::Arc;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::ledger::RunState;

/// Which ends of a run another job follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AfterOn {
    /// Those of runs that succeeded.
    #[default]
    Ok,
    /// Those of runs that failed, timed out or are lost, and that are not tried again.
    Failed,
    /// Those of both, and of runs that were cancelled.
    Any,
}

impl AfterOn {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ok, Self::Failed, Self::Any];

    /// Returns the name, such as `failed`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Any => "any",
        }
    }

    /// Returns whether a run that has ended in this state is followed.
    pub fn wants(self, state: RunState) -> bool {
        match state {
            RunState::Ok => self != Self::Failed,
            RunState::Failed | RunState::TimedOut | RunState::Lost => self != Self::Ok,
            RunState::Cancelled => self == Self::Any,
            _ => false,
        }
    }
}

/// A job that another one follows, in the same store.
///
/// # Examples
/// In configs it is a table, or the id alone:
/// ```
/// use apscheduler_core::options::parse_value;
/// use apscheduler_core::trigger::{After, AfterOn};
/// use serde_json::json;
///
/// let read = |value| parse_value::<After>("after", &value);
/// assert_eq!(read(json!("extract"))?, After::new("extract"));
/// assert_eq!(read(json!({"job": "extract", "on": "any"}))?, After::new("extract").on(AfterOn::Any));
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct After {
    /// The id of the job that is followed. It need not exist yet.
    #[serde(serialize_with = "as_text")]
    pub job: Arc<str>,
    /// Which of its ends are followed.
    pub on: AfterOn,
}

fn as_text<S: Serializer>(id: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(id)
}

impl After {
    /// Follows the runs of this job that succeed.
    pub fn new(job: impl Into<Arc<str>>) -> Self {
        Self { job: job.into(), on: AfterOn::Ok }
    }

    /// Sets which ends are followed.
    #[must_use]
    pub fn on(mut self, on: AfterOn) -> Self {
        self.on = on;
        self
    }
}

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.job)?;
        if self.on == AfterOn::Ok { Ok(()) } else { write!(f, ": {}", self.on.name()) }
    }
}

impl<'de> Deserialize<'de> for After {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AfterVisitor)
    }
}

struct AfterVisitor;

impl<'de> Visitor<'de> for AfterVisitor {
    type Value = After;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the id of a job, or a table with `job` and `on`")
    }

    fn visit_str<E: Error>(self, id: &str) -> Result<After, E> {
        Ok(After::new(id))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<After, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            job: String,
            #[serde(default)]
            on: AfterOn,
        }
        let Table { job, on } = Table::deserialize(MapAccessDeserializer::new(map))?;
        Ok(After::new(job).on(on))
    }
}

/// Replaces the key `after` of a table that describes a job by its trigger: `after`, or, if there is a trigger too, `or` of
/// both.
pub fn fold_after(job: &mut Map<String, Value>) {
    let Some(after) = job.remove("after").filter(|after| !after.is_null()) else { return };
    let after = if after.is_array() { after } else { json!([after]) };
    let after = json!({"type": "after", "jobs": after});
    let trigger = match job.remove("trigger").filter(|trigger| !trigger.is_null()) {
        Some(Value::String(kind)) => json!({"type": "or", "triggers": [{"type": kind}, after]}),
        Some(trigger) => json!({"type": "or", "triggers": [trigger, after]}),
        None => after,
    };
    job.insert("trigger".to_owned(), trigger);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_followed_as_they_are_wanted() {
        let wanted = |on: AfterOn| -> Vec<RunState> {
            RunState::ALL.into_iter().filter(|state| on.wants(*state)).collect()
        };
        assert_eq!(wanted(AfterOn::Ok), [RunState::Ok]);
        assert_eq!(wanted(AfterOn::Failed), [RunState::Failed, RunState::TimedOut, RunState::Lost]);
        assert_eq!(wanted(AfterOn::Any).len(), 5);
    }

    #[test]
    fn the_key_of_a_job_becomes_its_trigger() {
        let fold = |job: Value| {
            let Value::Object(mut job) = job else { panic!("a table") };
            fold_after(&mut job);
            Value::Object(job)
        };
        let after = json!({"type": "after", "jobs": ["a"]});
        assert_eq!(fold(json!({"after": "a"})), json!({"trigger": after}));
        assert_eq!(fold(json!({"after": ["a"], "trigger": null})), json!({"trigger": after}));
        let both = json!({"trigger": {"type": "or", "triggers": [{"type": "date"}, after]}});
        assert_eq!(fold(json!({"after": ["a"], "trigger": "date"})), both);
        assert_eq!(fold(json!({"trigger": "date"})), json!({"trigger": "date"}));
    }

    #[test]
    fn a_wrong_word_is_an_error() {
        let error =
            crate::options::parse_value::<After>("after", &json!({"job": "a", "on": "done"}));
        let error = error.unwrap_err().to_string();
        assert!(error.contains("unknown value `done`; known values: any, failed, ok"), "{error}");
    }
}
