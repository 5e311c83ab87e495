//! The options of the store.

use std::fmt;
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::options::{self, Options, Seconds};
use apscheduler_plugin_kit::store::{SqlServerConfig, SqlServerOptions};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::address::Address;
use crate::names::{RULES, STORE_NAME};

/// The options of the store, with APScheduler's names.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use apscheduler_store_mysql::{MySqlJobStore, MySqlOptions};
///
/// let options = MySqlOptions::new("mysql://user:password@host/database")
///     .tablename("shop_jobs")
///     .poll_interval(Duration::from_millis(500));
/// let store = MySqlJobStore::with_options(options)?;
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct MySqlOptions {
    /// The URL of the database: `mysql://user:password@host:port/database`.
    pub url: String,
    /// The table that holds the jobs. Default: `apscheduler_jobs`.
    pub tablename: String,
    /// The database of the table, which must exist. Default: that of the URL.
    pub tableschema: Option<String>,
    /// Options of SQLAlchemy's engine: `pool_size` (5) and `max_overflow` (10), whose sum is the most open connections,
    /// and `pool_timeout` (30 seconds), how long a call waits for a connection. `pool_pre_ping` and `pool_recycle` are
    /// accepted and ignored: dead connections are always noticed.
    pub engine_options: Map<String, Value>,
    /// How long connecting may take. Default: 10 seconds.
    pub connect_timeout: Seconds,
    /// How long the server may work on one statement. Default: 30 seconds.
    pub statement_timeout: Seconds,
    /// How often to look for changes of other schedulers. Default: 1 second.
    pub poll_interval: Seconds,
}

impl Default for MySqlOptions {
    fn default() -> Self {
        Self {
            url: String::new(),
            tablename: "apscheduler_jobs".to_owned(),
            tableschema: None,
            engine_options: Map::new(),
            connect_timeout: Seconds(10.0),
            statement_timeout: Seconds(30.0),
            poll_interval: Seconds(1.0),
        }
    }
}

impl MySqlOptions {
    /// The options for this URL, with the defaults for the rest.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }

    /// Reads the options of a config. [`with_options`](crate::MySqlJobStore::with_options) checks them.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) that names the key.
    pub fn parse(given: &Options) -> Result<Self> {
        options::parse(STORE_NAME, given)
    }

    /// Sets the table that holds the jobs.
    pub fn tablename(mut self, tablename: impl Into<String>) -> Self {
        self.tablename = tablename.into();
        self
    }

    /// Sets the database of the table, which must exist.
    pub fn tableschema(mut self, tableschema: impl Into<String>) -> Self {
        self.tableschema = Some(tableschema.into());
        self
    }

    /// Sets how long connecting may take.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout.into();
        self
    }

    /// Sets how long the server may work on one statement.
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = timeout.into();
        self
    }

    /// Sets how often to look for changes of other schedulers.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval.into();
        self
    }

    /// Returns the checked options.
    pub(crate) fn check(self) -> Result<Config> {
        let server = RULES.check(&SqlServerOptions {
            tablename: &self.tablename,
            tableschema: self.tableschema.as_deref(),
            engine_options: &self.engine_options,
            connect_timeout: self.connect_timeout,
            statement_timeout: self.statement_timeout,
        })?;
        let poll_interval = RULES.seconds("poll_interval", self.poll_interval)?;
        Ok(Config { address: Address::parse(&self.url)?, server, poll_interval })
    }
}

/// The checked options.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) address: Address,
    pub(crate) server: SqlServerConfig,
    pub(crate) poll_interval: Duration,
}

/// Hides the URL, which may hold a password.
impl fmt::Debug for MySqlOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = Address::parse(&self.url).map_or_else(|_| "...".to_owned(), |url| url.shown);
        f.debug_struct("MySqlOptions")
            .field("url", &shown)
            .field("tablename", &self.tablename)
            .field("tableschema", &self.tableschema)
            .field("engine_options", &self.engine_options)
            .field("connect_timeout", &self.connect_timeout)
            .field("statement_timeout", &self.statement_timeout)
            .field("poll_interval", &self.poll_interval)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(value: &Value) -> Result<MySqlOptions> {
        MySqlOptions::parse(value.as_object().unwrap())
    }

    #[test]
    fn defaults_are_those_of_apscheduler() {
        let options = parse(&json!({"url": "mysql://u:secret@db/jobs"})).unwrap();
        assert_eq!(options.tablename, "apscheduler_jobs");
        assert_eq!(options, MySqlOptions::new("mysql://u:secret@db/jobs"));
        let shown = format!("{options:?}");
        assert!(shown.contains("db:3306/jobs") && !shown.contains("secret"), "{shown}");
    }

    #[test]
    fn text_is_read_as_numbers() {
        let options = parse(
            &json!({"url": "mysql://db/jobs", "connect_timeout": "2.5", "poll_interval": "250ms",
            "engine_options": {"pool_size": "2"}}),
        );
        let options = options.unwrap();
        let config = options.check().unwrap();
        assert_eq!(config.server.pool.size, 12);
        assert_eq!(config.server.connect_timeout, Duration::from_millis(2500));
        assert_eq!(config.poll_interval, Duration::from_millis(250));
    }

    #[test]
    fn errors_name_the_option() {
        let url = "mysql://db/jobs";
        let long = "x".repeat(56);
        let cases = [
            (json!({}), "needs `url`"),
            (json!({"url": url, "table": "x"}), "did you mean `tablename`?"),
            (
                json!({"url": url, "tablename": ""}),
                "tablename: expected 1 to 55 characters, found 0",
            ),
            (
                json!({"url": url, "tablename": long}),
                "tablename: expected 1 to 55 characters, found 56",
            ),
            (json!({"url": url, "connect_timeout": 0}), "connect_timeout: expected 0.001 to"),
            (json!({"url": url, "statement_timeout": -1}), "statement_timeout: expected 0.001 to"),
            (json!({"url": url, "poll_interval": 0}), "poll_interval: expected 0.001 to"),
            (json!({"url": url, "engine_options": {"echo": 1}}), "unknown option `echo`"),
        ];
        for (given, expected) in cases {
            let checked = parse(&given).and_then(MySqlOptions::check);
            let error = checked.unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
