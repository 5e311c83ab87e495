//! One error type for everything that core, plugins and programs report.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use crate::printable;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kind of an [`Error`]. Match on it to react; print the error to explain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A configuration value is missing, misspelt, of the wrong type or out of range.
    Config,
    /// No plugin of that kind is linked in under that name, class reference or URL scheme.
    UnknownPlugin,
    /// Two crates register one plugin or function name.
    DuplicateName,
    /// The options of a trigger are not valid.
    InvalidTrigger,
    /// No function is registered under that name.
    UnknownFunction,
    /// `args` and `kwargs` do not fit the parameters of the function.
    InvalidArguments,
    /// A job with that id exists already (APScheduler: `ConflictingIdError`).
    ConflictingId,
    /// No job has that id (APScheduler: `JobLookupError`).
    JobLookup,
    /// The job has been changed since it was read, so its record has another revision than the key of the call.
    Outdated,
    /// No store knows a run with that id.
    RunLookup,
    /// The run has ended, or has not, so that this can't be done with it.
    RunState,
    /// A change to a job is not valid.
    InvalidJob,
    /// This job can't be kept in that store or run by that executor.
    Unsupported,
    /// A stored record can't be restored to a job.
    BrokenRecord,
    /// No store or executor has that alias.
    UnknownAlias,
    /// A store or executor with that alias exists already.
    DuplicateAlias,
    /// The scheduler is already running (APScheduler: `SchedulerAlreadyRunningError`).
    AlreadyRunning,
    /// The scheduler is not running (APScheduler: `SchedulerNotRunningError`).
    NotRunning,
    /// The backend of a store can't be reached or is not ready. Trying again may help.
    Unavailable,
    /// The backend of a store refused the call. Trying again does not help.
    Store,
    /// The place where a store keeps its jobs was emptied, restored or replaced while the store was open. The next call
    /// works with what is there now.
    StoreReplaced,
    /// A file or stream could not be read or written.
    Io,
    /// Anything else.
    Other,
}

/// The error of every fallible operation.
///
/// `Display` says what is wrong and what is allowed, without repeating the source: see [`source`](StdError::source) for the
/// cause. Control characters are shown [escaped](crate::printable).
///
/// # Examples
/// ```
/// use apscheduler_core::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::JobLookup, "no such job").with_job_id("backup");
/// assert_eq!(error.kind(), ErrorKind::JobLookup);
/// assert_eq!(error.to_string(), "job `backup`: no such job");
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    retryable: bool,
    message: Cow<'static, str>,
    plugin: Option<Cow<'static, str>>,
    job_id: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Creates an error of this kind.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            retryable: matches!(kind, ErrorKind::Unavailable | ErrorKind::StoreReplaced),
            message: message.into(),
            plugin: None,
            job_id: None,
            source: None,
        }))
    }

    /// Creates the error for a job whose id is taken.
    pub fn conflicting_id(id: impl Into<String>) -> Self {
        Self::new(ErrorKind::ConflictingId, "a job with this id exists already").with_job_id(id)
    }

    /// Creates the error for a missing job.
    pub fn job_lookup(id: impl Into<String>) -> Self {
        Self::new(ErrorKind::JobLookup, "no job with this id").with_job_id(id)
    }

    /// Returns a copy of the error without its source.
    pub fn repeated(&self) -> Self {
        Self(Box::new(Inner {
            kind: self.0.kind,
            retryable: self.0.retryable,
            message: self.0.message.clone(),
            plugin: self.0.plugin.clone(),
            job_id: self.0.job_id.clone(),
            source: None,
        }))
    }

    /// Sets the plugin that the error comes from.
    pub fn with_plugin(mut self, plugin: impl Into<Cow<'static, str>>) -> Self {
        self.0.plugin = Some(plugin.into());
        self
    }

    /// Sets the job that the error is about.
    pub fn with_job_id(mut self, job_id: impl Into<String>) -> Self {
        self.0.job_id = Some(job_id.into());
        self
    }

    /// Sets the cause.
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Sets whether trying again later may help. By default it may only help for [`ErrorKind::Unavailable`] and
    /// [`ErrorKind::StoreReplaced`].
    pub fn with_retryable(mut self, retryable: bool) -> Self {
        self.0.retryable = retryable;
        self
    }

    /// Prefixes the message with the place of the error, such as a file or a key.
    pub fn with_context(mut self, place: impl fmt::Display) -> Self {
        self.0.message = format!("{place}: {}", self.0.message).into();
        self
    }

    /// Returns the kind of error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the message without the plugin and the job id.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the plugin that the error comes from.
    pub fn plugin(&self) -> Option<&str> {
        self.0.plugin.as_deref()
    }

    /// Returns the id of the job that the error is about.
    pub fn job_id(&self) -> Option<&str> {
        self.0.job_id.as_deref()
    }

    /// Returns whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// Returns the message followed by every cause, for logs and event streams.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&printable::lines(&error.to_string()));
            cause = error.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(job_id) = &self.0.job_id {
            write!(f, "job `{}`: ", printable::line(job_id))?;
        }
        if let Some(plugin) = &self.0.plugin {
            write!(f, "{}: ", printable::line(plugin))?;
        }
        f.write_str(&printable::lines(&self.0.message))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("plugin", &self.0.plugin)
            .field("job_id", &self.0.job_id)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_does_not_repeat_the_source() {
        let error = Error::new(ErrorKind::Unavailable, "can't reach the server")
            .with_plugin("store redis")
            .with_source(std::io::Error::other("refused"));
        assert_eq!(error.to_string(), "store redis: can't reach the server");
        assert_eq!(error.chain(), "store redis: can't reach the server: refused");
        assert!(error.is_retryable());
    }

    #[test]
    fn an_error_is_one_pointer_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
