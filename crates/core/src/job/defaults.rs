//! The values of options that jobs leave open.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::policies::policy_table;
use super::{Coalesce, Policies, grace_time};
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
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct JobDefaults {
    /// How late a run may start, in whole seconds; `None` means no limit. Default: 1 s.
    pub misfire_grace_time: Option<Duration>,
    /// Which of several due run times run. Default: the latest.
    pub coalesce: Coalesce,
    /// How many instances of a job may run at once. Default: 1.
    pub max_instances: u32,
    /// What happens to runs that fail, overlap or could not be in time. Default: as in APScheduler.
    pub policies: Policies,
}

impl Default for JobDefaults {
    fn default() -> Self {
        Self::new()
    }
}

impl JobDefaults {
    /// Returns the defaults of APScheduler: a grace time of one second, runs that coalesce, one instance.
    pub fn new() -> Self {
        Self {
            misfire_grace_time: Some(Duration::from_secs(1)),
            coalesce: Coalesce::Latest,
            max_instances: 1,
            policies: Policies::default(),
        }
    }

    /// Sets how late a run may start: a positive number of whole seconds, or `None` for however late.
    pub fn misfire_grace_time(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.misfire_grace_time = time.into();
        self
    }

    /// Sets which of several due run times run: `true` or the latest, the earliest, `false` or all.
    pub fn coalesce(mut self, coalesce: impl Into<Coalesce>) -> Self {
        self.coalesce = coalesce.into();
        self
    }

    /// Sets what happens to runs that fail, overlap or could not be in time.
    pub fn policies(mut self, policies: Policies) -> Self {
        self.policies = policies;
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
        self.policies.validate(self.coalesce).map_err(|message| invalid(&message))
    }
}

policy_table! {
    /// The keys of the table `job_defaults`.
    struct Table {
        #[serde(deserialize_with = "grace_time::deserialize")]
        misfire_grace_time: Option<Duration>,
        coalesce: Coalesce,
        max_instances: u32,
    }
}

impl Default for Table {
    fn default() -> Self {
        let JobDefaults { misfire_grace_time, coalesce, max_instances, .. } = JobDefaults::new();
        Self {
            misfire_grace_time,
            coalesce,
            max_instances,
            retry: None,
            on_crash: None,
            overlap: None,
            overlap_scope: None,
            catchup_limit: None,
            on_resume: None,
            deadline: None,
            history: None,
            record_result: None,
        }
    }
}

impl<'de> Deserialize<'de> for JobDefaults {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let table = Table::deserialize(deserializer)?;
        let policies = table.policies("deadline").map_err(serde::de::Error::custom)?;
        let Table { misfire_grace_time, coalesce, max_instances, .. } = table;
        let policies = policies.over(&Policies::default());
        Ok(Self { misfire_grace_time, coalesce, max_instances, policies })
    }
}
