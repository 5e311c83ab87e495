//! Changes to a job that exists.

use std::sync::Arc;

use super::JobSpec;
use super::fields::{JobFields, field_setters};
use super::grace_time;
use super::stored::{self, Parts};
use crate::function::{Arguments, IntoJobFunction, JobFunction};
use crate::time::Timestamp;
use crate::trigger::TriggerContext;
use crate::{Error, ErrorKind, Result};

/// Changes to a job. Either all of them are made or none. The id can't be changed.
///
/// # Examples
/// ```
/// use apscheduler_core::job::JobChanges;
///
/// let changes = JobChanges::new().name("nightly backup").max_instances(2);
/// # let _ = changes;
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "give it to `Scheduler::modify_job`"]
pub struct JobChanges {
    function: Option<JobFunction>,
    pub(super) fields: JobFields,
}

field_setters!(JobChanges);

impl JobChanges {
    /// Creates an empty set of changes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the function that the job calls.
    pub fn function<M>(mut self, function: impl IntoJobFunction<M>) -> Self {
        self.function = Some(function.into_job_function());
        self
    }

    /// Restores the job of a broken record, with these changes in place of what is broken.
    ///
    /// # Errors
    /// [`ErrorKind::BrokenRecord`] that names what is still broken; an error if a change is not valid.
    pub fn repair(
        &self,
        id: &Arc<str>,
        text: &str,
        context: &TriggerContext<'_>,
    ) -> Result<JobSpec> {
        let named = |error: Error| error.with_job_id(&**id);
        let fields = &self.fields;
        let function = self.function.clone();
        let function = function
            .map(|function| function.resolve(context.functions()))
            .transpose()
            .map_err(named)?;
        let trigger = fields.trigger.clone();
        let trigger = trigger.map(|trigger| trigger.resolve(context)).transpose().map_err(named)?;
        let keys = [
            ("func", function.is_some()),
            ("args", fields.args.is_some()),
            ("kwargs", fields.kwargs.is_some()),
            ("name", fields.name.is_some()),
            ("trigger", trigger.is_some()),
            ("executor", fields.executor.is_some()),
            ("misfire_grace_time", fields.misfire_grace_time.is_some()),
            ("coalesce", fields.coalesce.is_some()),
            ("max_instances", fields.max_instances.is_some()),
            ("timeout", fields.timeout.is_some()),
            ("origin", fields.origin.is_some()),
            ("policies", fields.policies.is_some()),
        ];
        let keys: Vec<&str> =
            keys.into_iter().filter(|(_, changed)| *changed).map(|(key, _)| key).collect();
        let spec = stored::repair(id, text, Parts { function, trigger }, &keys, context)?;
        self.apply(&spec, context)
    }

    /// Returns the new next run time, if it changes: `Some(None)` pauses the job.
    pub fn new_next_run_time(&self) -> Option<Option<Timestamp>> {
        self.fields.next_run_time
    }

    /// Returns whether nothing but the next run time changes.
    pub fn keeps_definition(&self) -> bool {
        self.function.is_none()
            && matches!(
                self.fields,
                JobFields {
                    args: None,
                    kwargs: None,
                    name: None,
                    trigger: None,
                    executor: None,
                    misfire_grace_time: None,
                    coalesce: None,
                    max_instances: None,
                    timeout: None,
                    next_run_time: _,
                    origin: None,
                    policies: None,
                }
            )
    }

    /// Returns the definition of a job with these changes.
    ///
    /// # Errors
    /// An error with the id of the job, which names the change that is not valid.
    pub fn apply(&self, spec: &JobSpec, context: &TriggerContext<'_>) -> Result<JobSpec> {
        let mut changed = spec.clone();
        let named = |error: Error| error.with_job_id(&*spec.id);
        let fields = &self.fields;
        if let Some(function) = &self.function {
            changed.function = function.clone().resolve(context.functions()).map_err(named)?;
        }
        if fields.args.is_some() || fields.kwargs.is_some() {
            let args = fields.args.clone().unwrap_or_else(|| spec.arguments.args().to_vec());
            let kwargs = match &fields.kwargs {
                Some(kwargs) => (**kwargs).clone(),
                None => spec.arguments.kwargs().cloned().unwrap_or_default(),
            };
            changed.arguments = Arguments::new(args, kwargs);
        }
        if let Some(trigger) = &fields.trigger {
            changed.trigger = trigger.clone().resolve(context).map_err(named)?;
        }
        if let Some(name) = &fields.name {
            changed.name = name.as_str().into();
        }
        if let Some(executor) = &fields.executor {
            changed.executor = Arc::clone(executor);
        }
        if let Some(time) = fields.misfire_grace_time {
            changed.misfire_grace_time = grace_time::whole_seconds(time)
                .map_err(|message| named(Error::new(ErrorKind::InvalidJob, message)))?;
        }
        changed.timeout = fields.timeout.unwrap_or(spec.timeout);
        changed.coalesce = fields.coalesce.unwrap_or(spec.coalesce);
        changed.max_instances = fields.max_instances.unwrap_or(spec.max_instances);
        if fields.origin.is_some() {
            changed.origin.clone_from(&fields.origin);
        }
        if let Some(policies) = &fields.policies {
            changed.policies = JobSpec::kept(policies.over(spec.policies()));
        }
        changed.validate()?;
        Ok(changed)
    }
}
