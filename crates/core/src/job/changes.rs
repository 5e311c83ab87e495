//! Changes to a job that exists.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

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
    pub(crate) next_run_time: Option<Option<Timestamp>>,
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

    /// The definition with these changes.
    pub(crate) fn apply(&self, spec: &JobSpec, context: &TriggerContext<'_>) -> Result<JobSpec> {
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
