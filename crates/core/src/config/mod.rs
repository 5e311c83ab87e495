//! The configuration of a scheduler: from flat and nested dicts, from objects, or from both.

mod flat;

use std::time::Duration;

use serde_json::{Map, Value};

use crate::executor::Executor;
use crate::job::JobDefaults;
use crate::ledger::{History, Retention};
use crate::options::{self, Seconds};
use crate::registry::{ComponentConfig, ComponentSource, IntoExecutor, IntoJobStore};
use crate::store::JobStore;
use crate::time::Zone;
use crate::{Error, ErrorKind, Result, suggestion};

/// The keys of a scheduler's configuration, as in APScheduler.
pub const KEYS: [&str; 9] = [
    "logger",
    "timezone",
    "jobstore_retry_interval",
    "job_defaults",
    "jobstores",
    "executors",
    "history",
    "lease",
    "retention",
];

type Components<T> = Vec<(String, ComponentSource<T>)>;

/// The configuration of a scheduler. Options that are not set have APScheduler's defaults: the local zone, 10 s between
/// attempts of a store that failed, `misfire_grace_time` 1 s, `coalesce` true, `max_instances` 1, a memory store, a thread pool.
///
/// # Examples
/// The three forms of APScheduler's user guide are equivalent:
/// ```
/// use apscheduler_core::config::Config;
/// use apscheduler_core::job::JobDefaults;
/// use apscheduler_core::time::Zone;
/// use apscheduler_store_memory::MemoryJobStore;
/// use serde_json::json;
///
/// let objects = Config::new()
///     .timezone(Zone::UTC)
///     .job_defaults(JobDefaults::new().coalesce(false).max_instances(3))
///     .jobstore("default", MemoryJobStore::new());
/// let flat = Config::from_flat("apscheduler.", [
///     ("apscheduler.timezone", "UTC"),
///     ("apscheduler.job_defaults.coalesce", "false"),
///     ("apscheduler.job_defaults.max_instances", "3"),
///     ("apscheduler.jobstores.default.type", "memory"),
/// ])?;
/// let nested = Config::from_value(&json!({
///     "timezone": "UTC",
///     "job_defaults": {"coalesce": false, "max_instances": 3},
///     "jobstores": {"default": {"type": "memory"}},
/// }))?;
/// # let _ = (objects, flat, nested);
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Config {
    logger: Option<String>,
    timezone: Option<Zone>,
    jobstore_retry_interval: Option<Duration>,
    job_defaults: Option<JobDefaults>,
    jobstores: Option<Components<dyn JobStore>>,
    executors: Option<Components<dyn Executor>>,
    history: Option<History>,
    lease: Option<Duration>,
    retention: Option<Retention>,
}

impl Config {
    /// Creates a configuration without any options set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a flat dict: keys with dots after a prefix. Keys without the prefix are ignored.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] that names the key.
    pub fn from_flat<K: AsRef<str>, V: Into<Value>>(
        prefix: &str,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self> {
        let nested = flat::nest(prefix, pairs)?;
        Self::from_table(&nested).map_err(|error| {
            if prefix.is_empty() { error } else { error.with_context(format!("{prefix}*")) }
        })
    }

    /// Reads a nested dict.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] that names the key.
    pub fn from_value(value: &Value) -> Result<Self> {
        let table = value.as_object().ok_or_else(|| {
            Error::new(ErrorKind::Config, format!("expected a table with {}", KEYS.join(", ")))
        })?;
        Self::from_table(table)
    }

    /// Reads a table. Keys may have dots, as in a flat dict without prefix.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] that names the key.
    pub fn from_table(table: &Map<String, Value>) -> Result<Self> {
        let table = flat::nest("", table.iter().map(|(key, value)| (key, value.clone())))?;
        let mut config = Self::new();
        for (key, value) in &table {
            match key.as_str() {
                "logger" => config.logger = options::parse_value("logger", value)?,
                "timezone" => config.timezone = options::parse_value("timezone", value)?,
                "jobstore_retry_interval" => {
                    config.jobstore_retry_interval = Some(retry_interval(value)?);
                }
                "job_defaults" => {
                    let defaults: JobDefaults = options::parse_value("job_defaults", value)?;
                    defaults.validate()?;
                    config.job_defaults = Some(defaults);
                }
                "jobstores" => config.jobstores = Some(components(key, value)?),
                "executors" => config.executors = Some(components(key, value)?),
                "history" => config.history = options::parse_value("history", value)?,
                "lease" => {
                    config.lease =
                        Some(options::parse_value::<Seconds>(key, value)?.check(key, 1.0)?);
                }
                "retention" => {
                    config.retention = options::parse_value(key, value)?;
                }
                unknown => {
                    let hint = suggestion::hint(unknown, "known keys", KEYS);
                    return Err(Error::new(
                        ErrorKind::Config,
                        format!("unknown key `{unknown}`{hint}"),
                    ));
                }
            }
        }
        Ok(config)
    }

    /// Returns whether everything is left open.
    pub fn is_empty(&self) -> bool {
        let Self {
            logger,
            timezone,
            jobstore_retry_interval,
            job_defaults,
            jobstores,
            executors,
            history,
            lease,
            retention,
        } = self;
        logger.is_none()
            && timezone.is_none()
            && jobstore_retry_interval.is_none()
            && job_defaults.is_none()
            && jobstores.is_none()
            && executors.is_none()
            && history.is_none()
            && lease.is_none()
            && retention.is_none()
    }

    /// Replaces each key that is set in `over`, as the options of APScheduler's `configure` do.
    pub fn merge(self, over: Self) -> Self {
        Self {
            logger: over.logger.or(self.logger),
            timezone: over.timezone.or(self.timezone),
            jobstore_retry_interval: over.jobstore_retry_interval.or(self.jobstore_retry_interval),
            job_defaults: over.job_defaults.or(self.job_defaults),
            jobstores: over.jobstores.or(self.jobstores),
            executors: over.executors.or(self.executors),
            history: over.history.or(self.history),
            lease: over.lease.or(self.lease),
            retention: over.retention.or(self.retention),
        }
    }

    /// Sets the zone of triggers and text dates that name none.
    pub fn timezone(mut self, zone: impl Into<Zone>) -> Self {
        self.timezone = Some(zone.into());
        self
    }

    /// Sets how long to wait before a store that failed is tried again.
    pub fn jobstore_retry_interval(mut self, interval: Duration) -> Self {
        self.jobstore_retry_interval = Some(interval);
        self
    }

    /// Sets the values of options that jobs leave open.
    pub fn job_defaults(mut self, defaults: JobDefaults) -> Self {
        self.job_defaults = Some(defaults);
        self
    }

    /// Sets which runs are recorded. Default: all in stores that are durable, none in memory.
    pub fn history(mut self, history: History) -> Self {
        self.history = Some(history);
        self
    }

    /// Sets how long the runs of this scheduler are safe from others that find it dead, after its last sign of life. It gives
    /// six in this time. Default: 60 s.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = Some(lease);
        self
    }

    /// Sets which records of runs are kept, for how long, and how much of each.
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = Some(retention);
        self
    }

    /// Adds a job store: an object, a plugin name, or a [`ComponentConfig`].
    pub fn jobstore(mut self, alias: &str, store: impl IntoJobStore) -> Self {
        self.jobstores.get_or_insert_default().push((alias.to_owned(), store.into_job_store()));
        self
    }

    /// Adds an executor: an object, a plugin name, or a [`ComponentConfig`].
    pub fn executor(mut self, alias: &str, executor: impl IntoExecutor) -> Self {
        self.executors.get_or_insert_default().push((alias.to_owned(), executor.into_executor()));
        self
    }

    /// Returns the job stores with their aliases.
    pub fn jobstores(&self) -> impl Iterator<Item = (&str, &ComponentSource<dyn JobStore>)> {
        self.jobstores.iter().flatten().map(|(alias, source)| (alias.as_str(), source))
    }

    /// Returns the executors with their aliases.
    pub fn executors(&self) -> impl Iterator<Item = (&str, &ComponentSource<dyn Executor>)> {
        self.executors.iter().flatten().map(|(alias, source)| (alias.as_str(), source))
    }

    /// Returns the zone, or the zone of this machine if none is set.
    ///
    /// # Errors
    /// See [`Zone::local`], if no zone is set.
    pub fn timezone_or_local(&self) -> Result<Zone> {
        self.timezone.map_or_else(Zone::local, Ok)
    }

    /// Returns the zone, if one is set.
    pub fn given_timezone(&self) -> Option<Zone> {
        self.timezone
    }

    /// Returns how long the runs of this scheduler are safe from others that find it dead. Default: 60 s.
    pub fn lease_or_default(&self) -> Duration {
        self.lease.unwrap_or(Duration::from_secs(60))
    }

    /// Returns which runs are recorded, if that is set.
    pub fn given_history(&self) -> Option<History> {
        self.history
    }

    /// Returns which records of runs are kept. See [`Retention`] for the defaults.
    pub fn retention_or_default(&self) -> Retention {
        self.retention.unwrap_or_default()
    }

    /// Returns the job defaults, or APScheduler's if none are set.
    pub fn job_defaults_or_default(&self) -> JobDefaults {
        self.job_defaults.unwrap_or_default()
    }

    /// Returns the interval between attempts of a store that failed. Default: 10 s.
    pub fn retry_interval_or_default(&self) -> Duration {
        self.jobstore_retry_interval.unwrap_or(Duration::from_secs(10))
    }
}

fn retry_interval(value: &Value) -> Result<Duration> {
    const KEY: &str = "jobstore_retry_interval";
    options::parse_value::<Seconds>(KEY, value)?.positive(KEY)
}

fn components<T: ?Sized>(key: &str, value: &Value) -> Result<Components<T>> {
    let Value::Object(table) = value else {
        return Err(Error::new(
            ErrorKind::Config,
            format!("{key}: expected a table of aliases, found {}", options::kind(value)),
        ));
    };
    let component = |(alias, value): (&String, &Value)| {
        let config = ComponentConfig::from_value(&format!("{key}.{alias}"), value)?;
        Ok((alias.clone(), ComponentSource::Config(config)))
    };
    table.iter().map(component).collect()
}

#[cfg(test)]
mod tests;
