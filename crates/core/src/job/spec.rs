//! The definition of a job, without its next run time.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use super::grace_time;
use super::{Coalesce, JobOrigin, Paused, Policies};
use crate::function::{Arguments, Function};
use crate::time::Timestamp;
use crate::trigger::Trigger;
use crate::{Error, ErrorKind, Result};

/// The alias of stores and executors that jobs use when they name none.
pub(crate) static DEFAULT_ALIAS: LazyLock<Arc<str>> = LazyLock::new(|| "default".into());

/// The largest number of characters in a job id: the longest key that every backend can index.
pub(crate) const MAX_ID_CHARS: usize = 191;

/// The definition of a job. It is immutable: a modified job has a new one.
#[derive(Clone, Debug)]
pub struct JobSpec {
    pub(crate) id: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) function: Arc<Function>,
    pub(crate) arguments: Arguments,
    pub(crate) trigger: Arc<dyn Trigger>,
    pub(crate) executor: Arc<str>,
    /// In seconds: a job is smaller so than with a `Duration`.
    pub(crate) misfire_grace_time: Option<u32>,
    pub(crate) max_instances: u32,
    pub(crate) coalesce: Coalesce,
    pub(crate) timeout: Option<Duration>,
    pub(crate) origin: Option<Box<JobOrigin>>,
    /// `None` if they are the defaults, as those of most jobs.
    pub(crate) policies: Option<Box<Policies>>,
    pub(crate) pause: Option<Box<Paused>>,
}

impl JobSpec {
    /// Returns the id, which is unique in its store.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the id as an `Arc`, to be shared without a copy.
    pub fn id_arc(&self) -> &Arc<str> {
        &self.id
    }

    /// Returns the name as an `Arc`, to be shared without a copy.
    pub fn name_arc(&self) -> &Arc<str> {
        &self.name
    }

    /// Returns the alias of its executor as an `Arc`, to be shared without a copy.
    pub fn executor_arc(&self) -> &Arc<str> {
        &self.executor
    }

    /// Returns the description for people, by default the name of the function.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the function that it calls.
    pub fn function(&self) -> &Arc<Function> {
        &self.function
    }

    /// Returns the arguments of the function.
    pub fn arguments(&self) -> &Arguments {
        &self.arguments
    }

    /// Returns the trigger.
    pub fn trigger(&self) -> &Arc<dyn Trigger> {
        &self.trigger
    }

    /// Returns the alias of the executor that runs it.
    pub fn executor(&self) -> &str {
        &self.executor
    }

    /// Returns how late a run may start, in whole seconds; `None` means no limit.
    pub fn misfire_grace_time(&self) -> Option<Duration> {
        self.misfire_grace_time.map(|seconds| Duration::from_secs(seconds.into()))
    }

    /// Returns which of several due run times run.
    pub fn coalesce(&self) -> Coalesce {
        self.coalesce
    }

    /// Returns how many instances may run at once.
    pub fn max_instances(&self) -> u32 {
        self.max_instances
    }

    /// Returns how long a run may take, on executors that can end one.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Returns its policies.
    pub fn policies(&self) -> &Policies {
        static DEFAULTS: LazyLock<Policies> = LazyLock::new(Policies::default);
        self.policies.as_deref().unwrap_or(&DEFAULTS)
    }

    /// Returns its policies as they are kept: nothing, if they are the defaults.
    pub(crate) fn kept(policies: Policies) -> Option<Box<Policies>> {
        (policies != Policies::default()).then(|| Box::new(policies))
    }

    /// Returns its pause, which may have ended, if a call of `pause_job` paused it.
    pub fn pause(&self) -> Option<&Paused> {
        self.pause.as_deref()
    }

    /// Returns the same job with this pause, or without one.
    #[must_use]
    pub fn with_pause(&self, pause: Option<Paused>) -> Self {
        Self { pause: pause.map(Box::new), ..self.clone() }
    }

    /// Returns the config file that declares it, if there is one.
    pub fn origin(&self) -> Option<&JobOrigin> {
        self.origin.as_deref()
    }

    /// Returns the same job with the [corrected start](Trigger::with_corrected_start) of its trigger, if that changes.
    pub fn with_corrected_start(&self, now: Timestamp) -> Option<Self> {
        let trigger = self.trigger.with_corrected_start(now)?;
        Some(Self { trigger, ..self.clone() })
    }

    /// Checks the options, and the arguments against the parameters of the function.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidJob`] or [`ErrorKind::InvalidArguments`] that names what is not valid.
    pub fn validate(&self) -> Result<()> {
        let invalid = |message: &str| {
            Err(Error::new(ErrorKind::InvalidJob, message.to_owned()).with_job_id(&*self.id))
        };
        validate_id(&self.id)?;
        if self.name.is_empty() {
            return invalid("`name` must not be empty");
        }
        if self.timeout == Some(Duration::ZERO) {
            return invalid("`timeout` must be a positive number of seconds, or none");
        }
        if let Err(message) = grace_time::whole_seconds(self.misfire_grace_time()) {
            return invalid(&message);
        }
        if self.max_instances == 0 {
            return invalid("`max_instances` must be a positive number");
        }
        if self.trigger.follows().iter().any(|after| after.job == self.id) {
            return invalid("`after`: a job can't follow itself");
        }
        if let Some(policies) = &self.policies
            && let Err(message) = policies.validate(self.coalesce)
        {
            return invalid(&message);
        }
        self.function.check(&self.arguments).map_err(|error| error.with_job_id(&*self.id))
    }
}

/// Checks a job id.
///
/// # Errors
/// [`ErrorKind::InvalidJob`] if it is empty, too long for the key of a store, or contains a NUL.
pub fn validate_id(id: &str) -> Result<()> {
    let chars = id.chars().count();
    if chars == 0 || chars > MAX_ID_CHARS || id.contains('\0') {
        return Err(Error::new(
            ErrorKind::InvalidJob,
            format!("a job id has 1 to {MAX_ID_CHARS} characters and no NUL, this one has {chars}"),
        ));
    }
    Ok(())
}
