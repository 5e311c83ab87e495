//! One entry of `jobs`.

use std::sync::Arc;

use apscheduler_core::job::JobBuilder;
use apscheduler_core::time::Zone;
use apscheduler_core::trigger::{Trigger, TriggerConfig, TriggerContext};
use apscheduler_core::{Error, ErrorKind, Result};
use serde_json::{Map, Value};

/// A job as a file declares it.
#[derive(Clone, Debug)]
pub struct FileJob {
    /// `jobs[2] "backup"`, for errors.
    place: String,
    id: String,
    jobstore: String,
    table: Map<String, Value>,
}

impl FileJob {
    pub(super) fn read(index: usize, value: Value) -> Result<Self> {
        let place = format!("jobs[{index}]");
        let invalid = |message: String| Error::new(ErrorKind::Config, message);
        let Value::Object(table) = value else {
            return Err(invalid(format!("{place}: expected a table, found {value}")));
        };
        let text = |key: &str| match table.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(invalid(format!("{place}: {key}: expected text, found {other}"))),
        };
        let id = text("id")?.ok_or_else(|| {
            invalid(format!(
                "{place}: `id` is missing: by it a job of a file is found again after a restart"
            ))
        })?;
        let jobstore = text("jobstore")?.unwrap_or_else(|| "default".to_owned());
        let place = format!("{place} {id:?}");
        if let Some(replace) = table.get("replace_existing")
            && !apscheduler_core::options::parse_value::<bool>(
                &format!("{place}: replace_existing"),
                replace,
            )?
        {
            return Err(invalid(format!(
                "{place}: replace_existing: is the rule for the jobs of a file and can't be turned off"
            )));
        }
        Ok(Self { place, id, jobstore, table })
    }

    /// The id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The alias of the store that keeps it.
    pub fn jobstore(&self) -> &str {
        &self.jobstore
    }

    /// What stands in the file, with variables put in.
    pub fn table(&self) -> &Map<String, Value> {
        &self.table
    }

    /// Where it stands in the file: `jobs[2] "backup"`.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Its trigger; `None` where it names none and runs once, at the start.
    pub(super) fn trigger(&self, context: &TriggerContext<'_>) -> Result<Option<Arc<dyn Trigger>>> {
        let config = match self.table.get("trigger") {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(kind)) => Ok(TriggerConfig::new(kind.as_str())),
            Some(other) => TriggerConfig::from_value(other),
        };
        config.and_then(|config| context.build(&config)).map(Some).map_err(|error| {
            // The triggers say who they are.
            if error.message().starts_with("trigger ") {
                error
            } else {
                error.with_context("trigger")
            }
            .with_context(&self.place)
        })
    }

    /// The job, with this trigger.
    pub(super) fn builder(
        &self,
        trigger: Option<Arc<dyn Trigger>>,
        zone: Zone,
    ) -> Result<JobBuilder> {
        let job = JobBuilder::from_table(&self.place, &self.table, zone)?.replace_existing(false);
        Ok(match trigger {
            Some(trigger) => job.trigger(trigger),
            None => job,
        })
    }

    /// Names the key that an error of building the job is about.
    pub(super) fn locate(&self, error: Error) -> Error {
        let key = match error.kind() {
            ErrorKind::UnknownFunction => "func: ",
            ErrorKind::InvalidArguments if self.table.contains_key("kwargs") => "kwargs: ",
            ErrorKind::InvalidArguments => "args: ",
            _ => "",
        };
        error.with_context(format!("{}: {key}", self.place).trim_end_matches(": "))
    }
}
