//! What functions may return.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::JobResult;

/// Why a run failed: an error with its causes, or a panic with its message.
#[derive(Debug)]
pub struct JobError {
    message: String,
    trace: Option<String>,
    cause: Cause,
    retry: Retrying,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Error,
    Panic,
    Timeout,
    Cancellation,
}

/// What the function says about another attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Retrying {
    Nothing,
    Never,
    After(Duration),
}

impl JobError {
    /// Creates an error with this message.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), trace: None, cause: Cause::Error, retry: Retrying::Nothing }
    }

    /// Creates the error for a panic with this message.
    pub fn panic(message: impl Into<String>) -> Self {
        Self { cause: Cause::Panic, ..Self::new(message) }
    }

    /// Adds the causes or a backtrace, as text of several lines.
    pub fn with_trace(mut self, trace: impl Into<String>) -> Self {
        self.trace = Some(trace.into());
        self
    }

    /// Prefixes the message with text and a colon.
    pub(crate) fn in_context(mut self, context: &str) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }

    /// Returns the message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the causes, one on each line, if there are any.
    pub fn trace(&self) -> Option<&str> {
        self.trace.as_deref()
    }

    /// Returns the message with the causes, on several lines if there are any.
    pub fn text(&self) -> String {
        match &self.trace {
            Some(trace) => format!("{self}\n{trace}"),
            None => self.to_string(),
        }
    }

    /// Returns whether the function panicked.
    pub fn is_panic(&self) -> bool {
        self.cause == Cause::Panic
    }

    /// Notes that the run was ended at its timeout, or failed after it.
    #[must_use]
    pub fn at_timeout(mut self) -> Self {
        self.cause = Cause::Timeout;
        self
    }

    /// Returns whether the run was ended at its timeout, or failed after it.
    pub fn is_timeout(&self) -> bool {
        self.cause == Cause::Timeout
    }

    /// Notes that the run was cancelled: before its function was called, or while it ran.
    #[must_use]
    pub fn at_cancellation(mut self) -> Self {
        self.cause = Cause::Cancellation;
        self
    }

    /// Returns whether the run was cancelled: before its function was called, or while it ran.
    pub fn is_cancellation(&self) -> bool {
        self.cause == Cause::Cancellation
    }

    /// Says that another attempt may succeed, after this time. It is made if the job's [`Retry`](crate::job::Retry) allows it.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry = Retrying::After(delay);
        self
    }

    /// Says that another attempt would fail too, so none is made.
    #[must_use]
    pub fn fatal(mut self) -> Self {
        self.retry = Retrying::Never;
        self
    }

    /// Returns after which time another attempt may succeed, if the function says so.
    pub fn delay(&self) -> Option<Duration> {
        match self.retry {
            Retrying::After(delay) => Some(delay),
            Retrying::Nothing | Retrying::Never => None,
        }
    }

    /// Returns whether the function says that another attempt would fail too.
    pub fn is_fatal(&self) -> bool {
        self.retry == Retrying::Never
    }

    /// Creates the error for a panic that `catch_unwind` caught.
    pub fn from_panic(payload: &(dyn std::any::Any + Send)) -> Self {
        let message = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without a message".to_owned());
        Self::panic(message)
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_panic() {
            f.write_str("panicked: ")?;
        }
        f.write_str(&self.message)
    }
}

/// `?` works in job functions for every error that converts into `Box<dyn Error + Send + Sync>`.
impl<E: Into<Box<dyn StdError + Send + Sync>>> From<E> for JobError {
    fn from(error: E) -> Self {
        let error: Box<dyn StdError + Send + Sync> = error.into();
        let mut causes = Vec::new();
        let mut cause = error.source();
        while let Some(inner) = cause {
            causes.push(format!("caused by: {inner}"));
            cause = inner.source();
        }
        let trace = (!causes.is_empty()).then(|| causes.join("\n"));
        let message = error.to_string();
        Self { message, trace, cause: Cause::Error, retry: Retrying::Nothing }
    }
}

/// A return value of any type that serde can write.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

/// What functions may return: nothing, a plain value, [`Json`] of any value, or a `Result` of these.
pub trait IntoReturned {
    /// Returns the value for the event, or the error.
    ///
    /// # Errors
    /// The error of the function.
    fn into_returned(self) -> JobResult;
}

impl IntoReturned for () {
    fn into_returned(self) -> JobResult {
        Ok(Value::Null)
    }
}

impl<T: Serialize> IntoReturned for Json<T> {
    fn into_returned(self) -> JobResult {
        serde_json::to_value(self.0)
            .map_err(|error| JobError::new(format!("the return value is not valid JSON: {error}")))
    }
}

impl<T: IntoReturned, E: Into<JobError>> IntoReturned for Result<T, E> {
    fn into_returned(self) -> JobResult {
        self.map_err(Into::into)?.into_returned()
    }
}

impl<T: IntoReturned> IntoReturned for Option<T> {
    fn into_returned(self) -> JobResult {
        self.map_or(Ok(Value::Null), T::into_returned)
    }
}

macro_rules! plain {
    ($($type:ty),+) => {$(
        impl IntoReturned for $type {
            fn into_returned(self) -> JobResult {
                Ok(Value::from(self))
            }
        }
    )+};
}

plain!(Value, bool, i8, i16, i32, i64, u8, u16, u32, u64, isize, usize, f32, f64, String, &str);
