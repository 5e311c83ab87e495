//! The limits of an executor on an async runtime.

use std::num::NonZero;
use std::time::Duration;

use apscheduler_core::options::{Seconds, at_least, number_text};
use apscheduler_core::{Error, ErrorKind, Result};

/// How many jobs a [`RuntimeExecutor`](super::RuntimeExecutor) runs at once, and how it ends them.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// use apscheduler_plugin_kit::executor::RuntimeLimits;
///
/// let limits = RuntimeLimits::new().max_workers(100).cancel_grace_time(Duration::from_secs(5));
/// # drop(limits);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuntimeLimits {
    pub(super) max_workers: Option<usize>,
    pub(super) max_threads: Option<usize>,
    pub(super) cancel_grace_time: Duration,
}

impl RuntimeLimits {
    /// Creates the default limits.
    pub const fn new() -> Self {
        Self { max_workers: None, max_threads: None, cancel_grace_time: Duration::from_secs(1) }
    }

    /// Returns the limits that the options of an executor give. `what` is named in errors, as ``executor `tokio` ``. The
    /// longest grace time that a [`Duration`] holds means no end.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] that names the option.
    pub fn of_options(
        what: &str,
        max_workers: Option<usize>,
        cancel_grace_time: Seconds,
    ) -> Result<Self> {
        let mut limits = Self::new();
        if let Some(max_workers) = max_workers {
            at_least(&format!("{what}: max_workers"), max_workers, 1)?;
            limits = limits.max_workers(max_workers);
        }
        let Seconds(seconds) = cancel_grace_time;
        if seconds >= 0.0 {
            let time = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
            return Ok(limits.cancel_grace_time(time));
        }
        let found = number_text(seconds);
        let message =
            format!("{what}: cancel_grace_time: expected a number of seconds, found {found}");
        Err(Error::new(ErrorKind::Config, message))
    }

    /// Sets how many jobs run at once, plain and async ones together. At least 1; no limit by default.
    pub const fn max_workers(mut self, max_workers: usize) -> Self {
        self.max_workers = Some(if max_workers == 0 { 1 } else { max_workers });
        self
    }

    /// Sets how many plain functions run at once. At least 1. Default: `max_workers`; without it the number of processors
    /// plus 4, and 32 at most, as in Python's asyncio.
    pub const fn max_threads(mut self, max_threads: usize) -> Self {
        self.max_threads = Some(if max_threads == 0 { 1 } else { max_threads });
        self
    }

    /// Sets how long an async job may continue after it was cancelled, before it is dropped. Default: 1 second.
    pub const fn cancel_grace_time(mut self, time: Duration) -> Self {
        self.cancel_grace_time = time;
        self
    }

    pub(super) fn places(&self) -> usize {
        self.max_workers.unwrap_or(usize::MAX)
    }

    pub(super) fn threads(&self) -> usize {
        self.max_threads.or(self.max_workers).unwrap_or_else(default_threads)
    }
}

impl Default for RuntimeLimits {
    fn default() -> Self {
        Self::new()
    }
}

/// More threads would only slow down a burst of short functions.
fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(4, NonZero::get).saturating_add(4).min(32)
}
