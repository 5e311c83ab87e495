//! One entry of `jobs`.

use std::sync::Arc;

use apscheduler_core::job::JobBuilder;
use apscheduler_core::trigger::{Trigger, TriggerConfig, TriggerContext, fold_after};
use apscheduler_core::{Error, ErrorKind, Result};
use serde_json::{Map, Value};

/// An entry of `jobs` in a file.
#[derive(Clone, Debug)]
pub struct FileJob {
    /// The place in the file for errors, such as `jobs[2] "backup"`.
    place: String,
    id: String,
    jobstore: String,
    table: Map<String, Value>,
}

impl FileJob {
    pub(super) fn read(index: usize, value: Value) -> Result<Self> {
        let place = format!("jobs[{index}]");
        let invalid = |message: String| Error::new(ErrorKind::Config, message);
        let Value::Object(mut table) = value else {
            return Err(invalid(format!("{place}: expected a table, found {value}")));
        };
        fold_after(&mut table);
        let text = |key: &str| match table.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(invalid(format!("{place}: {key}: expected text, found {other}"))),
        };
        let id = text("id")?.ok_or_else(|| {
            invalid(format!(
                "{place}: `id` is missing; the job stores identify a job of a file by its id"
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
                "{place}: replace_existing: can't be false in a file; remove it"
            )));
        }
        Ok(Self { place, id, jobstore, table })
    }

    /// The id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The alias of its job store.
    pub fn jobstore(&self) -> &str {
        &self.jobstore
    }

    /// The entry as a table, with variables replaced.
    pub fn table(&self) -> &Map<String, Value> {
        &self.table
    }

    /// Whether another entry defines the same job in the same way.
    pub(super) fn same(&self, other: &Self) -> bool {
        (&self.id, &self.jobstore, &self.table) == (&other.id, &other.jobstore, &other.table)
    }

    /// The place in the file, such as `jobs[2] "backup"`.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Builds the trigger. `None` if the entry has none; then the job runs once, at the start.
    pub(super) fn trigger(&self, context: &TriggerContext<'_>) -> Result<Option<Arc<dyn Trigger>>> {
        let Some(config) = self.trigger_config() else {
            return Ok(None);
        };
        config.and_then(|config| context.build(&config)).map(Some).map_err(|error| {
            // Most errors of triggers begin with "trigger `TYPE`".
            if error.message().starts_with("trigger ") {
                error
            } else {
                error.with_context("trigger")
            }
            .with_context(&self.place)
        })
    }

    fn trigger_config(&self) -> Option<Result<TriggerConfig>> {
        match self.table.get("trigger") {
            None | Some(Value::Null) => None,
            Some(Value::String(kind)) => Some(Ok(TriggerConfig::new(kind.as_str()))),
            Some(other) => Some(TriggerConfig::from_value(other)),
        }
    }

    /// Returns a builder of the job with this trigger.
    pub(super) fn builder(
        &self,
        trigger: Option<Arc<dyn Trigger>>,
        context: &TriggerContext<'_>,
    ) -> Result<JobBuilder> {
        let job = JobBuilder::from_table(&self.place, &self.table, context.timezone)
            .map_err(|error| self.misplaced_option(&error, context).unwrap_or(error))?
            .replace_existing(false);
        Ok(match trigger {
            Some(trigger) => job.trigger(trigger),
            None => job,
        })
    }

    /// A better error for an unknown option that is an option of the trigger.
    fn misplaced_option(&self, error: &Error, context: &TriggerContext<'_>) -> Option<Error> {
        let (key, value) = self
            .table
            .iter()
            .find(|(key, _)| error.message().contains(&format!("unknown option `{key}`")))?;
        let takes = |config: &TriggerConfig| {
            let config = config.clone().option(key, value.clone());
            let unknown = format!("unknown option `{key}`");
            context.build(&config).err().is_none_or(|error| !error.message().contains(&unknown))
        };
        let place = &self.place;
        let message = if let Some(config) = self.trigger_config() {
            let config = config.ok().filter(takes)?;
            format!(
                "{place}: `{key}` is an option of the trigger; move it into the table `trigger`, beside `type = \"{}\"`",
                config.kind
            )
        } else {
            let kind = ["cron", "interval", "calendarinterval", "date"]
                .into_iter()
                .find(|kind| takes(&TriggerConfig::new(*kind)))?;
            format!(
                "{place}: `{key}` is an option of a trigger; move it into a table `trigger` with a `type`, such as \"{kind}\""
            )
        };
        Some(Error::new(ErrorKind::Config, message))
    }

    /// Prefixes an error with the place and the key.
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
