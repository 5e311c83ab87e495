//! The definition of a job, without its place in time.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::function::{Arguments, Function};
use crate::time::Timestamp;
use crate::trigger::Trigger;
use crate::{Error, ErrorKind, Result};

/// The alias of stores and executors that jobs use when they name none.
pub(crate) static DEFAULT_ALIAS: LazyLock<Arc<str>> = LazyLock::new(|| "default".into());

/// The largest number of characters in a job id: the longest key that every backend can index.
pub(crate) const MAX_ID_CHARS: usize = 191;

/// The values for options that a job leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JobDefaults {
    /// How many seconds a run may start late; `None` means however late. Default: 1.
    pub misfire_grace_time: Option<u32>,
    /// Whether several due run times become one run. Default: true.
    pub coalesce: bool,
    /// How many instances of a job may run at once. Default: 1.
    pub max_instances: u32,
}

impl Default for JobDefaults {
    fn default() -> Self {
        Self { misfire_grace_time: Some(1), coalesce: true, max_instances: 1 }
    }
}

impl JobDefaults {
    /// Whether the values make sense.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] where a number is zero.
    pub fn validate(&self) -> Result<()> {
        validate_limits(self.misfire_grace_time, self.max_instances)
            .map_err(|message| Error::new(ErrorKind::Config, format!("job_defaults: {message}")))
    }
}

pub(crate) fn validate_limits(
    misfire_grace_time: Option<u32>,
    max_instances: u32,
) -> Result<(), &'static str> {
    if misfire_grace_time == Some(0) {
        return Err(
            "`misfire_grace_time` must be a positive number of seconds, or none for however late",
        );
    }
    if max_instances == 0 {
        return Err("`max_instances` must be a positive number");
    }
    Ok(())
}

/// The jobs file that declared a job, and where that file was when it was last applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JobOrigin {
    /// The name that the file states, by which it is the same file wherever it lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The path of the file.
    pub file: String,
    /// The host that applied the file. Records of early releases have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// A digest of the job's entry in the file: the same digest means an unchanged job.
    pub digest: String,
}

impl JobOrigin {
    /// A file without a name, on an unknown host.
    ///
    /// # Examples
    /// ```
    /// use apscheduler_core::job::JobOrigin;
    ///
    /// let origin = JobOrigin::new("/srv/app/jobs.toml", "6b3f-91aa")
    ///     .name("billing".to_owned())
    ///     .host("db-1".to_owned());
    /// assert_eq!(origin.to_string(), "`billing` (/srv/app/jobs.toml on db-1)");
    /// ```
    pub fn new(file: impl Into<String>, digest: impl Into<String>) -> Self {
        Self { name: None, file: file.into(), host: None, digest: digest.into() }
    }

    /// Sets the name that the file states.
    #[must_use]
    pub fn name(mut self, name: impl Into<Option<String>>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the host that applied the file.
    #[must_use]
    pub fn host(mut self, host: impl Into<Option<String>>) -> Self {
        self.host = host.into();
        self
    }
}

/// The file for people: its name, its path and its host, as far as they are known.
impl fmt::Display for JobOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host.as_deref().unwrap_or("an unknown host");
        match &self.name {
            Some(name) => write!(f, "`{name}` ({} on {host})", self.file),
            None => write!(f, "{} on {host}", self.file),
        }
    }
}

/// The definition of a job. It never changes: a modified job has another one.
#[derive(Clone, Debug)]
pub struct JobSpec {
    pub(crate) id: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) function: Arc<Function>,
    pub(crate) arguments: Arguments,
    pub(crate) trigger: Arc<dyn Trigger>,
    pub(crate) executor: Arc<str>,
    pub(crate) misfire_grace_time: Option<u32>,
    pub(crate) max_instances: u32,
    pub(crate) coalesce: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) origin: Option<Box<JobOrigin>>,
}

impl JobSpec {
    /// The id, unique in its store.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The id, to be shared without a copy.
    pub fn shared_id(&self) -> &Arc<str> {
        &self.id
    }

    /// The name, to be shared without a copy.
    pub fn shared_name(&self) -> &Arc<str> {
        &self.name
    }

    /// The alias of its executor, to be shared without a copy.
    pub fn shared_executor(&self) -> &Arc<str> {
        &self.executor
    }

    /// The description for people; the name of the function unless another was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The function that it calls.
    pub fn function(&self) -> &Arc<Function> {
        &self.function
    }

    /// What the function is called with.
    pub fn arguments(&self) -> &Arguments {
        &self.arguments
    }

    /// What says when.
    pub fn trigger(&self) -> &Arc<dyn Trigger> {
        &self.trigger
    }

    /// The alias of the executor that runs it.
    pub fn executor(&self) -> &str {
        &self.executor
    }

    /// How many seconds a run may start late; `None` means however late.
    pub fn misfire_grace_time(&self) -> Option<u32> {
        self.misfire_grace_time
    }

    /// Whether several due run times become one run.
    pub fn coalesce(&self) -> bool {
        self.coalesce
    }

    /// How many instances may run at once.
    pub fn max_instances(&self) -> u32 {
        self.max_instances
    }

    /// How long a run may take, on executors that can end one.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// The config file that declares it, where one does.
    pub fn origin(&self) -> Option<&JobOrigin> {
        self.origin.as_deref()
    }

    /// The same job with its trigger [righted](Trigger::righted), where that is to be.
    pub fn righted(&self, now: Timestamp) -> Option<Self> {
        let trigger = self.trigger.righted(now)?;
        Some(Self { trigger, ..self.clone() })
    }

    /// Checks the options, and the arguments against the parameters of the function.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidJob`] or [`ErrorKind::InvalidArguments`] that says what is wrong.
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
        if let Err(message) = validate_limits(self.misfire_grace_time, self.max_instances) {
            return invalid(message);
        }
        self.function.check(&self.arguments).map_err(|error| error.with_job_id(&*self.id))
    }
}

/// Checks a job id.
///
/// # Errors
/// [`ErrorKind::InvalidJob`] where it is empty, too long for the key of a store, or has a NUL.
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
