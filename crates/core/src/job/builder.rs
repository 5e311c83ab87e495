//! A job that is about to be added.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::spec::DEFAULT_ALIAS;
use super::{JobDefaults, JobOrigin, JobSpec};
use crate::Result;
use crate::function::{Arguments, IntoJobFunction, JobFunction};
use crate::registry::Registry;
use crate::time::{Timestamp, Zone};
use crate::trigger::{Trigger, TriggerConfig, TriggerContext, TriggerSource};

/// A job that is about to be added, with the options of APScheduler's `add_job`.
///
/// What is left open takes the scheduler's job defaults. Without a trigger the job runs once, now; then, unless
/// `misfire_grace_time` is given, it runs however late a scheduler takes it up.
///
/// # Examples
/// ```
/// use apscheduler_core::job::JobBuilder;
/// use serde_json::json;
///
/// let job = JobBuilder::new("shop::orders::ship")
///     .id("ship-42")
///     .args([json!(42)])
///     .kwarg("express", true)
///     .coalesce(false)
///     .replace_existing(true);
/// # let _ = job;
/// ```
#[derive(Clone, Debug)]
#[must_use = "give it to `Scheduler::add_job`"]
pub struct JobBuilder {
    pub(crate) function: JobFunction,
    pub(crate) trigger: Option<TriggerSource>,
    pub(crate) args: Vec<Value>,
    // Boxed, as all that most jobs leave out: a million builders are a common sight.
    pub(crate) kwargs: Option<Box<Map<String, Value>>>,
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) misfire_grace_time: Option<Option<u32>>,
    pub(crate) coalesce: Option<bool>,
    pub(crate) max_instances: Option<u32>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) next_run_time: Option<Option<Timestamp>>,
    pub(crate) jobstore: Arc<str>,
    pub(crate) executor: Arc<str>,
    pub(crate) replace_existing: bool,
    pub(crate) origin: Option<Box<JobOrigin>>,
}

impl JobBuilder {
    /// A job that calls a function: by its registered name, or the function or closure itself.
    pub fn new<M>(function: impl IntoJobFunction<M>) -> Self {
        Self::of(function.into_job_function())
    }

    /// A job that calls a function with `#[job]`, whatever its parameters are. Adding the job fails where the function
    /// is not registered.
    ///
    /// [`new`](Self::new) takes most functions too; not those that borrow, as with a `&str` parameter.
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
            trigger: None,
            args: Vec::new(),
            kwargs: None,
            id: None,
            name: None,
            misfire_grace_time: None,
            coalesce: None,
            max_instances: None,
            timeout: None,
            next_run_time: None,
            jobstore: Arc::clone(&DEFAULT_ALIAS),
            executor: Arc::clone(&DEFAULT_ALIAS),
            replace_existing: false,
            origin: None,
        }
    }

    /// What says when: a trigger, or a [`TriggerConfig`] that its plugin builds.
    pub fn trigger(mut self, trigger: impl Into<TriggerSource>) -> Self {
        self.trigger = Some(trigger.into());
        self
    }

    /// The positional arguments of the function.
    pub fn args(mut self, args: impl IntoIterator<Item = Value>) -> Self {
        self.args = args.into_iter().collect();
        self
    }

    /// Adds a positional argument.
    pub fn arg(mut self, value: impl Into<Value>) -> Self {
        self.args.push(value.into());
        self
    }

    /// The named arguments of the function.
    pub fn kwargs(mut self, kwargs: Map<String, Value>) -> Self {
        self.kwargs = Some(Box::new(kwargs));
        self
    }

    /// Adds a named argument.
    pub fn kwarg(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.kwargs.get_or_insert_default().insert(name.to_owned(), value.into());
        self
    }

    /// The id, by which the job can be found again. Default: 32 random hexadecimal digits.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// The description for people. Default: the name of the function.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
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

    /// How long a run may take. Then its token is cancelled. The process pool ends a worker that takes longer, and async
    /// runtimes drop an async function; nothing ends others that do not look at their token.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// When it runs first, whatever the trigger says; `None` adds it paused.
    pub fn next_run_time(mut self, time: impl Into<Option<Timestamp>>) -> Self {
        self.next_run_time = Some(time.into());
        self
    }

    /// The alias of the store that keeps it. Default: `default`.
    pub fn jobstore(mut self, alias: impl Into<Arc<str>>) -> Self {
        self.jobstore = alias.into();
        self
    }

    /// The alias of the executor that runs it. Default: `default`.
    pub fn executor(mut self, alias: impl Into<Arc<str>>) -> Self {
        self.executor = alias.into();
        self
    }

    /// Whether it takes the place of a job with the same id. Default: no, then such a job is an error.
    pub fn replace_existing(mut self, replace: bool) -> Self {
        self.replace_existing = replace;
        self
    }

    /// Marks the job as declared by a config file.
    pub fn origin(mut self, origin: JobOrigin) -> Self {
        self.origin = Some(Box::new(origin));
        self
    }

    /// Checks everything and makes the definition.
    ///
    /// # Errors
    /// Which option, argument or trigger is not valid, with the id of the job.
    pub fn build(self, context: &TriggerContext<'_>, defaults: &JobDefaults) -> Result<PendingJob> {
        let id: Arc<str> = self.id.map_or_else(random_id, Into::into);
        let function =
            resolve(self.function, context.registry).map_err(|error| error.with_job_id(&*id))?;
        let has_trigger = self.trigger.is_some();
        let trigger = if let Some(source) = self.trigger {
            source.resolve(context).map_err(|error| error.with_job_id(&*id))?
        } else {
            // Not after the run time that was given, or it would run at both.
            let given = self.next_run_time.flatten().unwrap_or(context.now);
            Arc::new(Once(given.min(context.now), context.timezone)) as Arc<dyn Trigger>
        };
        // Without a trigger it is to run once, as soon as somebody can: there is no run time that it could miss.
        let default = if has_trigger { defaults.misfire_grace_time } else { None };
        let misfire_grace_time = self.misfire_grace_time.unwrap_or(default);
        let spec = JobSpec {
            name: self.name.map_or_else(|| Arc::clone(function.shared_name()), Into::into),
            id,
            function,
            arguments: Arguments::new(
                self.args,
                self.kwargs.map(|kwargs| *kwargs).unwrap_or_default(),
            ),
            trigger,
            executor: self.executor,
            misfire_grace_time,
            max_instances: self.max_instances.unwrap_or(defaults.max_instances),
            coalesce: self.coalesce.unwrap_or(defaults.coalesce),
            timeout: self.timeout,
            origin: self.origin,
        };
        spec.validate()?;
        Ok(PendingJob {
            spec: Arc::new(spec),
            next_run_time: self.next_run_time,
            jobstore: self.jobstore,
            replace_existing: self.replace_existing,
        })
    }
}

/// 32 hexadecimal digits, as APScheduler's `uuid4().hex`.
fn random_id() -> Arc<str> {
    let mut digits = Uuid::encode_buffer();
    Arc::from(&*Uuid::new_v4().simple().encode_lower(&mut digits))
}

/// A job that is complete but for its place in a store.
#[derive(Clone, Debug)]
pub struct PendingJob {
    /// Its definition.
    pub spec: Arc<JobSpec>,
    /// When it runs first: `None` means that the trigger says so at the start, `Some(None)` that it is paused.
    pub next_run_time: Option<Option<Timestamp>>,
    /// The alias of the store.
    pub jobstore: Arc<str>,
    /// Whether it replaces a job with the same id.
    pub replace_existing: bool,
}

/// The function item of a registered path is the registered function, which stores can keep.
pub(crate) fn resolve(
    function: JobFunction,
    registry: &Registry,
) -> Result<Arc<crate::function::Function>> {
    match function {
        JobFunction::Named(name) => registry.function(&name),
        JobFunction::Direct(function)
            if !function.is_named() && registry.has_function(function.name()) =>
        {
            registry.function(function.name())
        }
        JobFunction::Direct(function) => Ok(function),
    }
}

/// The trigger of jobs without one: once, at the time they were added. It is the `date` trigger in all but its crate.
#[derive(Debug)]
struct Once(Timestamp, Zone);

impl std::fmt::Display for Once {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "date[{}]", self.1.display(self.0))
    }
}

impl Trigger for Once {
    fn next_fire_time(&self, previous: Option<Timestamp>, _now: Timestamp) -> Option<Timestamp> {
        previous.is_none_or(|previous| previous < self.0).then_some(self.0)
    }

    fn righted(&self, now: Timestamp) -> Option<Arc<dyn Trigger>> {
        (self.0 > now).then(|| Arc::new(Self(now, self.1)) as Arc<dyn Trigger>)
    }

    fn config(&self) -> TriggerConfig {
        TriggerConfig::new("date").option("run_date", self.1.iso(self.0)).option("from_clock", true)
    }

    fn zone(&self, _fire_time: Timestamp) -> Zone {
        self.1
    }
}
