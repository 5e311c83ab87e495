//! Reads jobs from tables, as in config files.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::{Map, Value};

use super::grace_time;
use super::policies::policy_table;
use super::{Coalesce, JobBuilder, JobChanges, PolicyOptions};
use crate::options::Seconds;
use crate::time::{Timestamp, Zone};
use crate::trigger::{TriggerConfig, TriggerContext, fold_after};
use crate::{Error, ErrorKind, Result};

impl JobBuilder {
    /// Reads the options of `add_job` from a table, such as a `[[jobs]]` entry: `func`, `trigger`, `after`, `args`,
    /// `kwargs`, `id`, `name`, `misfire_grace_time`, `coalesce`, `max_instances`, `timeout`, `next_run_time`, `jobstore`,
    /// `executor`, `replace_existing`, and the [policies](PolicyOptions::NAMES).
    ///
    /// `next_run_time` is text, read in `zone`, or `none` for a job that is paused.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] that names the key.
    pub fn from_table(what: &str, table: &Map<String, Value>, zone: Zone) -> Result<Self> {
        let mut table = Cow::Borrowed(table);
        if table.contains_key("after") {
            fold_after(table.to_mut());
        }
        let entry: Entry = crate::options::parse(what, &table)?;
        let policies = entry.policies(&format!("{what}: deadline"))?;
        let timeout = entry.timeout(what)?;
        let func = entry.func.ok_or_else(|| {
            Error::new(
                ErrorKind::Config,
                format!("{what}: `func` is missing: the name of a function"),
            )
        })?;
        let mut job = Self::new(func)
            .args(entry.args.unwrap_or_default())
            .kwargs(entry.kwargs.unwrap_or_default())
            .replace_existing(entry.replace_existing);
        if let Some(trigger) = &entry.trigger {
            job = job.trigger(trigger_config(what, trigger)?);
        }
        if let Some(time) = &entry.next_run_time {
            job = job.next_run_time(next_run_time(what, time.as_deref(), zone)?);
        }
        job.id = entry.id;
        job.fields.name = entry.name;
        job.fields.misfire_grace_time = entry.misfire_grace_time;
        job.fields.coalesce = entry.coalesce;
        job.fields.max_instances = entry.max_instances;
        job.fields.timeout = timeout;
        if policies != PolicyOptions::default() {
            job = job.policies(policies);
        }
        if let Some(alias) = entry.jobstore {
            job = job.jobstore(alias);
        }
        if let Some(alias) = entry.executor {
            job = job.executor(alias);
        }
        Ok(job)
    }
}

impl JobChanges {
    /// Reads changes of a job from a table: the keys of [`JobBuilder::from_table`] that can be changed. Keys that are missing
    /// stay as they are. A new trigger gives the job a new next run time, unless the table has one.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] that names the key; an error for a trigger that is not valid.
    ///
    /// # Examples
    /// ```
    /// # use apscheduler_core::{registry::Registry, time::{SystemClock, Zone}, trigger::TriggerContext};
    /// use apscheduler_core::job::JobChanges;
    ///
    /// # let registry = Registry::empty();
    /// # let context = TriggerContext::new(&registry, Zone::UTC, &SystemClock);
    /// let table = serde_json::json!({"name": "nightly backup", "timeout": "5m"});
    /// let changes = JobChanges::from_table("the change", table.as_object().unwrap(), &context)?;
    /// assert!(!changes.keeps_definition());
    /// # Ok::<(), apscheduler_core::Error>(())
    /// ```
    pub fn from_table(
        what: &str,
        table: &Map<String, Value>,
        context: &TriggerContext<'_>,
    ) -> Result<Self> {
        for fixed in ["id", "jobstore", "replace_existing"] {
            if table.contains_key(fixed) {
                let message = format!("{what}: {fixed}: it can't be changed; add another job");
                return Err(Error::new(ErrorKind::Config, message));
            }
        }
        let mut table = Cow::Borrowed(table);
        if table.contains_key("after") {
            fold_after(table.to_mut());
        }
        let entry: Entry = crate::options::parse(what, &table)?;
        let policies = entry.policies(&format!("{what}: deadline"))?;
        let mut changes = Self::new();
        if let Some(time) = &entry.next_run_time {
            let time = next_run_time(what, time.as_deref(), context.timezone)?;
            changes = changes.next_run_time(time);
        }
        if let Some(trigger) = &entry.trigger {
            let trigger = context
                .build(&trigger_config(what, trigger)?)
                .map_err(|error| error.with_context(format!("{what}: trigger")))?;
            let next = trigger.next_fire_time(None, context.now);
            changes.fields.next_run_time.get_or_insert(next);
            changes = changes.trigger(trigger);
        }
        changes.fields.timeout = entry.timeout(what)?;
        if let Some(func) = entry.func {
            changes = changes.function(func);
        }
        changes.fields.args = entry.args;
        changes.fields.kwargs = entry.kwargs.map(Box::new);
        changes.fields.name = entry.name;
        changes.fields.executor = entry.executor.map(Into::into);
        changes.fields.misfire_grace_time = entry.misfire_grace_time;
        changes.fields.coalesce = entry.coalesce;
        changes.fields.max_instances = entry.max_instances;
        if policies != PolicyOptions::default() {
            changes = changes.policies(policies);
        }
        Ok(changes)
    }
}

fn trigger_config(what: &str, trigger: &Value) -> Result<TriggerConfig> {
    match trigger {
        Value::String(kind) => Ok(TriggerConfig::new(kind.as_str())),
        other => TriggerConfig::from_value(other)
            .map_err(|error| error.with_context(format!("{what}: trigger"))),
    }
}

fn next_run_time(what: &str, text: Option<&str>, zone: Zone) -> Result<Option<Timestamp>> {
    let time = text.map(|text| crate::time::parse_datetime(text, zone)).transpose();
    let time = time.map_err(|error| error.with_context(format!("{what}: next_run_time")))?;
    Ok(time.map(|(instant, _)| instant))
}

policy_table! {
    /// The keys of a table that describes a job.
    #[derive(Default)]
    struct Entry {
        id: Option<String>,
        func: Option<String>,
        args: Option<Vec<Value>>,
        kwargs: Option<Map<String, Value>>,
        trigger: Option<Value>,
        /// For errors about unknown keys: it has become the trigger.
        #[serde(rename = "after")]
        _after: Option<Value>,
        name: Option<String>,
        #[serde(deserialize_with = "given_grace_time")]
        misfire_grace_time: Option<Option<Duration>>,
        coalesce: Option<Coalesce>,
        max_instances: Option<u32>,
        #[serde(deserialize_with = "given")]
        timeout: Option<Option<Seconds>>,
        #[serde(deserialize_with = "given")]
        next_run_time: Option<Option<String>>,
        jobstore: Option<String>,
        executor: Option<String>,
        replace_existing: bool,
    }
}

impl Entry {
    fn timeout(&self, what: &str) -> Result<Option<Option<Duration>>> {
        let positive = |time: Seconds| time.positive(&format!("{what}: timeout"));
        self.timeout.map(|time| time.map(positive).transpose()).transpose()
    }
}

fn given_grace_time<'de, D>(deserializer: D) -> Result<Option<Option<Duration>>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    grace_time::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::registry::Registry;

    #[test]
    fn none_differs_from_a_missing_key() {
        let read = |table: Value| {
            JobBuilder::from_table("job", table.as_object().unwrap(), Zone::UTC).unwrap()
        };
        let open = read(json!({"func": "f"}));
        assert_eq!((open.fields.misfire_grace_time, open.fields.next_run_time), (None, None));
        for none in [json!(null), json!("none")] {
            let job = read(json!({"func": "f", "misfire_grace_time": none, "next_run_time": none}));
            assert_eq!(
                (job.fields.misfire_grace_time, job.fields.next_run_time),
                (Some(None), Some(None))
            );
        }
        let job =
            read(json!({"func": "f", "misfire_grace_time": "30", "next_run_time": "1970-01-01"}));
        assert_eq!(
            (job.fields.misfire_grace_time, job.fields.next_run_time),
            (Some(Some(Duration::from_secs(30))), Some(Some(Timestamp::UNIX_EPOCH)))
        );
    }

    #[test]
    fn changes_are_what_is_given() {
        let registry = Registry::empty();
        let context = TriggerContext::at(&registry, Zone::UTC, Timestamp::UNIX_EPOCH);
        let read = |table: Value| {
            JobChanges::from_table("the change", table.as_object().unwrap(), &context)
        };
        let none = read(json!({})).unwrap();
        assert!(none.keeps_definition() && none.new_next_run_time().is_none());
        let paused = read(json!({"next_run_time": null})).unwrap();
        assert!(paused.keeps_definition() && paused.new_next_run_time() == Some(None));
        let changes = read(json!({"timeout": null, "kwargs": {}, "retry": 2})).unwrap();
        assert_eq!((changes.fields.timeout, &changes.fields.args), (Some(None), &None));
        assert!(changes.fields.kwargs.is_some() && changes.fields.policies.is_some());
        for (table, expected) in [
            (json!({"id": "b"}), "the change: id: it can't be changed"),
            (json!({"max_instance": 2}), "did you mean `max_instances`?"),
            (json!({"timeout": 0}), "the change: timeout: "),
            (json!({"trigger": "corn"}), "the change: trigger: "),
        ] {
            let error = read(table).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
