//! Reads jobs from tables, as in config files.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::{Map, Value};

use super::grace_time;
use super::policies::policy_table;
use super::{Coalesce, JobBuilder, PolicyOptions};
use crate::options::Seconds;
use crate::time::Zone;
use crate::trigger::{TriggerConfig, fold_after};
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
        let func = entry.func.ok_or_else(|| {
            Error::new(
                ErrorKind::Config,
                format!("{what}: `func` is missing: the name of a function"),
            )
        })?;
        let mut job = Self::new(func)
            .args(entry.args)
            .kwargs(entry.kwargs)
            .replace_existing(entry.replace_existing);
        if let Some(trigger) = entry.trigger {
            let config = match &trigger {
                Value::String(kind) => TriggerConfig::new(kind.as_str()),
                other => TriggerConfig::from_value(other)
                    .map_err(|error| error.with_context(format!("{what}: trigger")))?,
            };
            job = job.trigger(config);
        }
        if let Some(time) = entry.next_run_time {
            let time = time.map(|text| crate::time::parse_datetime(&text, zone)).transpose();
            let time =
                time.map_err(|error| error.with_context(format!("{what}: next_run_time")))?;
            job = job.next_run_time(time.map(|(instant, _)| instant));
        }
        job.id = entry.id;
        job.fields.name = entry.name;
        job.fields.misfire_grace_time = entry.misfire_grace_time;
        job.fields.coalesce = entry.coalesce;
        job.fields.max_instances = entry.max_instances;
        let timeout = entry.timeout.map(|timeout| timeout.positive(&format!("{what}: timeout")));
        let timeout = timeout.transpose()?;
        job.fields.timeout = timeout.map(Some);
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

policy_table! {
    /// The keys of a table that describes a job.
    #[derive(Default)]
    struct Entry {
        id: Option<String>,
        func: Option<String>,
        args: Vec<Value>,
        kwargs: Map<String, Value>,
        trigger: Option<Value>,
        /// For errors about unknown keys: it has become the trigger.
        #[serde(rename = "after")]
        _after: Option<Value>,
        name: Option<String>,
        #[serde(deserialize_with = "given_grace_time")]
        misfire_grace_time: Option<Option<Duration>>,
        coalesce: Option<Coalesce>,
        max_instances: Option<u32>,
        timeout: Option<Seconds>,
        #[serde(deserialize_with = "given")]
        next_run_time: Option<Option<String>>,
        jobstore: Option<String>,
        executor: Option<String>,
        replace_existing: bool,
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
    use crate::time::Timestamp;

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
}
