//! Changes to a job that exists.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::stored::Parts;
use super::{JobOrigin, JobSpec};
use crate::Result;
use crate::function::{Arguments, IntoJobFunction, JobFunction};
use crate::time::Timestamp;
use crate::trigger::{TriggerContext, TriggerSource};

/// Changes to a job, all made or none. The id can't be changed.
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
    args: Option<Vec<Value>>,
    kwargs: Option<Map<String, Value>>,
    name: Option<String>,
    trigger: Option<TriggerSource>,
    executor: Option<Arc<str>>,
    misfire_grace_time: Option<Option<u32>>,
    coalesce: Option<bool>,
    max_instances: Option<u32>,
    timeout: Option<Option<Duration>>,
    next_run_time: Option<Option<Timestamp>>,
    origin: Option<JobOrigin>,
}

impl JobChanges {
    /// No changes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls another function.
    pub fn function<M>(mut self, function: impl IntoJobFunction<M>) -> Self {
        self.function = Some(function.into_job_function());
        self
    }

    /// Other positional arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = Value>) -> Self {
        self.args = Some(args.into_iter().collect());
        self
    }

    /// Other named arguments.
    pub fn kwargs(mut self, kwargs: Map<String, Value>) -> Self {
        self.kwargs = Some(kwargs);
        self
    }

    /// Another description.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Another trigger. The next run time stays: see [`Scheduler::reschedule_job`](crate::Scheduler::reschedule_job).
    pub fn trigger(mut self, trigger: impl Into<TriggerSource>) -> Self {
        self.trigger = Some(trigger.into());
        self
    }

    /// Another executor.
    pub fn executor(mut self, alias: impl Into<Arc<str>>) -> Self {
        self.executor = Some(alias.into());
        self
    }

    /// How many seconds a run may start late; `None` means however late.
    pub fn misfire_grace_time(mut self, seconds: impl Into<Option<u32>>) -> Self {
        self.misfire_grace_time = Some(seconds.into());
        self
    }

    /// Whether several due run times become one run.
    pub fn coalesce(mut self, coalesce: bool) -> Self {
        self.coalesce = Some(coalesce);
        self
    }

    /// How many instances may run at once.
    pub fn max_instances(mut self, max_instances: u32) -> Self {
        self.max_instances = Some(max_instances);
        self
    }

    /// How long a run may take; `None` means as long as it likes.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeout = Some(timeout.into());
        self
    }

    /// When it runs next; `None` pauses it.
    pub fn next_run_time(mut self, time: impl Into<Option<Timestamp>>) -> Self {
        self.next_run_time = Some(time.into());
        self
    }

    /// Marks the job as declared by a config file.
    pub fn origin(mut self, origin: JobOrigin) -> Self {
        self.origin = Some(origin);
        self
    }

    /// The job that a broken record holds, with these changes: they have to mend what is broken.
    ///
    /// # Errors
    /// What of the record is still broken.
    pub fn repair(
        &self,
        id: &Arc<str>,
        text: &str,
        context: &TriggerContext<'_>,
    ) -> Result<JobSpec> {
        let named = |error: crate::Error| error.with_job_id(&**id);
        let function = self.function.clone();
        let function = function
            .map(|function| super::builder::resolve(function, context.registry))
            .transpose()
            .map_err(named)?;
        let trigger = self.trigger.clone();
        let trigger = trigger.map(|trigger| trigger.resolve(context)).transpose().map_err(named)?;
        let keys = [
            ("func", function.is_some()),
            ("args", self.args.is_some()),
            ("kwargs", self.kwargs.is_some()),
            ("name", self.name.is_some()),
            ("trigger", trigger.is_some()),
            ("executor", self.executor.is_some()),
            ("misfire_grace_time", self.misfire_grace_time.is_some()),
            ("coalesce", self.coalesce.is_some()),
            ("max_instances", self.max_instances.is_some()),
            ("timeout", self.timeout.is_some()),
            ("origin", self.origin.is_some()),
        ];
        let keys: Vec<&str> =
            keys.into_iter().filter(|(_, changed)| *changed).map(|(key, _)| key).collect();
        let spec = super::stored::repair(id, text, Parts { function, trigger }, &keys, context)?;
        self.apply(&spec, context)
    }

    /// When the job runs next, where that is to change: `Some(None)` pauses it.
    pub fn changed_next_run_time(&self) -> Option<Option<Timestamp>> {
        self.next_run_time
    }

    /// Whether they leave the definition of the job as it is.
    pub fn is_of_time_only(&self) -> bool {
        let Self {
            function: None,
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
        } = self
        else {
            return false;
        };
        true
    }

    /// The definition with these changes.
    ///
    /// # Errors
    /// Which change is not valid, with the id of the job.
    pub fn apply(&self, spec: &JobSpec, context: &TriggerContext<'_>) -> Result<JobSpec> {
        let mut changed = spec.clone();
        let named = |error: crate::Error| error.with_job_id(&*spec.id);
        if let Some(function) = &self.function {
            changed.function =
                super::builder::resolve(function.clone(), context.registry).map_err(named)?;
        }
        if self.args.is_some() || self.kwargs.is_some() {
            let args = self.args.clone().unwrap_or_else(|| spec.arguments.args().to_vec());
            let kwargs = self
                .kwargs
                .clone()
                .unwrap_or_else(|| spec.arguments.kwargs().cloned().unwrap_or_default());
            changed.arguments = Arguments::new(args, kwargs);
        }
        if let Some(trigger) = &self.trigger {
            changed.trigger = trigger.clone().resolve(context).map_err(named)?;
        }
        if let Some(name) = &self.name {
            changed.name = name.as_str().into();
        }
        if let Some(executor) = &self.executor {
            changed.executor = Arc::clone(executor);
        }
        changed.misfire_grace_time = self.misfire_grace_time.unwrap_or(spec.misfire_grace_time);
        changed.timeout = self.timeout.unwrap_or(spec.timeout);
        changed.coalesce = self.coalesce.unwrap_or(spec.coalesce);
        changed.max_instances = self.max_instances.unwrap_or(spec.max_instances);
        if let Some(origin) = &self.origin {
            changed.origin = Some(Box::new(origin.clone()));
        }
        changed.validate()?;
        Ok(changed)
    }
}
