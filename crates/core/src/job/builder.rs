//! A job that is about to be added.

use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use super::fields::{JobFields, field_setters};
use super::grace_time;
use super::immediate::ImmediateTrigger;
use super::spec::DEFAULT_ALIAS;
use super::{JobDefaults, JobSpec};
use crate::function::{Arguments, IntoJobFunction, JobFunction};
use crate::time::Timestamp;
use crate::trigger::{Trigger, TriggerContext};
use crate::{Error, ErrorKind, Result};

/// A job that is about to be added, with the options of APScheduler's `add_job`.
///
/// Options that are not set have the scheduler's job defaults. A job without a trigger runs once, immediately; unless it
/// has a `misfire_grace_time` of its own, it then runs however late a scheduler takes it up.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// use apscheduler_core::job::JobBuilder;
/// use serde_json::json;
///
/// let job = JobBuilder::new("shop::orders::ship")
///     .id("ship-42")
///     .args([json!(42)])
///     .kwarg("express", true)
///     .misfire_grace_time(Duration::from_secs(30))
///     .replace_existing(true);
/// # let _ = job;
/// ```
#[derive(Clone, Debug)]
#[must_use = "give it to `Scheduler::add_job`"]
pub struct JobBuilder {
    function: JobFunction,
    pub(super) fields: JobFields,
    pub(super) id: Option<String>,
    jobstore: Arc<str>,
    replace_existing: bool,
}

field_setters!(JobBuilder);

impl JobBuilder {
    /// Creates a job that calls a function, given by its registered name or as the function or closure itself.
    pub fn new<M>(function: impl IntoJobFunction<M>) -> Self {
        Self::of(function.into_job_function())
    }

    /// Creates a job that calls a function with `#[job]`, whatever its parameters are. Adding the job fails if the function
    /// is not registered.
    ///
    /// [`new`](Self::new) takes most functions too, but not those that borrow, for example with a `&str` parameter.
    ///
    /// # Examples
    /// ```
    /// use apscheduler_core::job::JobBuilder;
    ///
    /// // #[job]
    /// fn greet(name: &str) -> String {
    ///     format!("Hello, {name}!")
    /// }
    ///
    /// let job = JobBuilder::registered(greet).arg("Ada");
    /// # let _ = job;
    /// ```
    pub fn registered<F>(_function: F) -> Self {
        Self::of(JobFunction::Named(std::any::type_name::<F>().to_owned()))
    }

    fn of(function: JobFunction) -> Self {
        Self {
            function,
            fields: JobFields::default(),
            id: None,
            jobstore: Arc::clone(&DEFAULT_ALIAS),
            replace_existing: false,
        }
    }

    /// Adds a positional argument.
    pub fn arg(mut self, value: impl Into<Value>) -> Self {
        self.fields.args.get_or_insert_default().push(value.into());
        self
    }

    /// Adds a named argument.
    pub fn kwarg(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.kwargs.get_or_insert_default().insert(name.to_owned(), value.into());
        self
    }

    /// Sets the id. Default: 32 random hexadecimal digits.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets the alias of the store that keeps the job. Default: `default`.
    pub fn jobstore(mut self, alias: impl Into<Arc<str>>) -> Self {
        self.jobstore = alias.into();
        self
    }

    /// Sets whether the job replaces one with the same id. By default such a job is an error.
    pub fn replace_existing(mut self, replace: bool) -> Self {
        self.replace_existing = replace;
        self
    }

    /// Checks all options and builds the definition of the job.
    ///
    /// # Errors
    /// An error with the id of the job, which names the option, argument or trigger that is not valid.
    pub fn build(self, context: &TriggerContext<'_>, defaults: &JobDefaults) -> Result<PendingJob> {
        let id: Arc<str> = self.id.map_or_else(random_id, Into::into);
        let named = |error: Error| error.with_job_id(&*id);
        let function = self.function.resolve(context.functions()).map_err(named)?;
        let has_trigger = self.fields.trigger.is_some();
        let trigger = if let Some(source) = self.fields.trigger {
            source.resolve(context).map_err(named)?
        } else {
            // Not after the run time that was given, or it would run at both.
            let given = self.fields.next_run_time.flatten().unwrap_or(context.now);
            let added = given.min(context.now);
            Arc::new(ImmediateTrigger::new(added, context.timezone)) as Arc<dyn Trigger>
        };
        // Without a trigger the job runs once, as soon as possible: there is no run time that it could miss.
        let default = if has_trigger { defaults.misfire_grace_time } else { None };
        let grace_time = self.fields.misfire_grace_time.unwrap_or(default);
        let misfire_grace_time = grace_time::whole_seconds(grace_time)
            .map_err(|message| named(Error::new(ErrorKind::InvalidJob, message)))?;
        let given = self.fields.policies;
        let policies = given.map_or(defaults.policies, |given| given.over(&defaults.policies));
        let spec = JobSpec {
            name: self.fields.name.map_or_else(|| Arc::clone(function.name_arc()), Into::into),
            id,
            function,
            arguments: Arguments::new(
                self.fields.args.unwrap_or_default(),
                self.fields.kwargs.map(|kwargs| *kwargs).unwrap_or_default(),
            ),
            trigger,
            executor: self.fields.executor.unwrap_or_else(|| Arc::clone(&DEFAULT_ALIAS)),
            misfire_grace_time,
            max_instances: self.fields.max_instances.unwrap_or(defaults.max_instances),
            coalesce: self.fields.coalesce.unwrap_or(defaults.coalesce),
            timeout: self.fields.timeout.flatten(),
            origin: self.fields.origin,
            policies: JobSpec::kept(policies),
            pause: None,
        };
        spec.validate()?;
        Ok(PendingJob {
            spec: Arc::new(spec),
            next_run_time: self.fields.next_run_time,
            jobstore: self.jobstore,
            replace_existing: self.replace_existing,
        })
    }
}

/// Returns 32 hexadecimal digits, as APScheduler's `uuid4().hex`.
fn random_id() -> Arc<str> {
    let mut digits = Uuid::encode_buffer();
    Arc::from(&*Uuid::new_v4().simple().encode_lower(&mut digits))
}

/// A job that is complete, but not in a store yet.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PendingJob {
    /// The definition of the job.
    pub spec: Arc<JobSpec>,
    /// When the job runs first: `None` if the trigger decides at the start, `Some(None)` if it is paused.
    pub next_run_time: Option<Option<Timestamp>>,
    /// The alias of the store.
    pub jobstore: Arc<str>,
    /// Whether the job replaces one with the same id.
    pub replace_existing: bool,
}
