//! The values of options that jobs leave open.

use std::time::Duration;

use serde::Deserialize;

use super::grace_time;
use crate::{Error, ErrorKind, Result};

/// The values of options that a job leaves open.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// use apscheduler_core::job::JobDefaults;
///
/// let defaults = JobDefaults::new().coalesce(false).misfire_grace_time(Duration::from_secs(30));
/// assert_eq!(defaults.max_instances, 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct JobDefaults {
    /// How late a run may start, in whole seconds; `None` means no limit. Default: 1 s.
    #[serde(deserialize_with = "grace_time::deserialize")]
    pub misfire_grace_time: Option<Duration>,
    /// Whether several due run times become one run. Default: true.
    pub coalesce: bool,
    /// How many instances of a job may run at once. Default: 1.
    pub max_instances: u32,
}

impl Default for JobDefaults {
    fn default() -> Self {
        Self::new()
    }
}

impl JobDefaults {
    /// Returns the defaults of APScheduler: a grace time of one second, runs that coalesce, one instance.
    pub const fn new() -> Self {
        Self { misfire_grace_time: Some(Duration::from_secs(1)), coalesce: true, max_instances: 1 }
    }

    /// Sets how late a run may start: a positive number of whole seconds, or `None` for however late.
    pub fn misfire_grace_time(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.misfire_grace_time = time.into();
        self
    }

    /// Sets whether several due run times become one run.
    pub const fn coalesce(mut self, coalesce: bool) -> Self {
        self.coalesce = coalesce;
        self
    }

    /// Sets how many instances of a job may run at once.
    pub const fn max_instances(mut self, max_instances: u32) -> Self {
        self.max_instances = max_instances;
        self
    }

    /// Checks the values.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the grace time is not a positive number of whole seconds, or `max_instances` is zero.
    pub fn validate(&self) -> Result<()> {
        let invalid =
            |message: &str| Error::new(ErrorKind::Config, format!("job_defaults: {message}"));
        grace_time::whole_seconds(self.misfire_grace_time).map_err(|message| invalid(&message))?;
        if self.max_instances == 0 {
            return Err(invalid("`max_instances` must be a positive number"));
        }
        Ok(())
    }
}
