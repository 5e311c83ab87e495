//! The options of the store.

use std::fmt;
use std::time::Duration;

use apscheduler_core::options::{self, Options};
use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_plugin_kit::store::PoolOptions;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::WHAT;
use crate::address::Address;
use crate::schema::META_TABLE;

/// The options of the store, with APScheduler's names.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MySqlOptions {
    /// Where the database is: `mysql://user:password@host:port/database`.
    pub url: String,
    /// The table that holds the jobs. Default: `apscheduler_jobs`.
    pub tablename: String,
    /// The database of the table, which must exist. Default: that of the URL.
    pub tableschema: Option<String>,
    /// Options of SQLAlchemy's engine. Known: `pool_size` (5) and `max_overflow` (10), whose sum is the most connections
    /// that are open at once, and `pool_timeout` (30), the seconds that a call waits for one. `pool_pre_ping` and
    /// `pool_recycle` may stand there and change nothing: dead connections are always noticed.
    pub engine_options: Map<String, Value>,
    /// How many seconds it may take to connect. Default: 10.
    pub connect_timeout: f64,
    /// How many seconds the server may work on one statement. Default: 30.
    pub statement_timeout: f64,
    /// How often to look for changes of others, in seconds. Default: 1.
    pub poll_interval: f64,
}

impl Default for MySqlOptions {
    fn default() -> Self {
        Self {
            url: String::new(),
            tablename: "apscheduler_jobs".to_owned(),
            tableschema: None,
            engine_options: Map::new(),
            connect_timeout: 10.0,
            statement_timeout: 30.0,
            poll_interval: 1.0,
        }
    }
}

/// Names that the schema derives from the table's have up to 9 characters more, of 64 that MySQL allows.
const MAX_TABLENAME: usize = 64 - "_readable".len();

impl MySqlOptions {
    /// The options for this URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }

    /// Reads the options of a config.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] that names the key.
    pub fn parse(given: &Options) -> Result<Self> {
        let parsed: Self = options::parse(WHAT, given)?;
        parsed.check()?;
        Ok(parsed)
    }

    /// The table that holds the jobs.
    pub fn tablename(mut self, tablename: impl Into<String>) -> Self {
        self.tablename = tablename.into();
        self
    }

    /// The database of the table, which must exist.
    pub fn tableschema(mut self, tableschema: impl Into<String>) -> Self {
        self.tableschema = Some(tableschema.into());
        self
    }

    /// How long it may take to connect.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout.as_secs_f64();
        self
    }

    /// How long the server may work on one statement.
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = timeout.as_secs_f64();
        self
    }

    /// How often to look for changes of others.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval.as_secs_f64();
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        Address::parse(&self.url)?;
        self.pool()?;
        self.period()?;
        seconds("connect_timeout", self.connect_timeout)?;
        seconds("statement_timeout", self.statement_timeout)?;
        if self.tablename.is_empty() || self.tablename.chars().count() > MAX_TABLENAME {
            return Err(invalid(&format!(
                "tablename: expected 1 to {MAX_TABLENAME} characters, found {}",
                self.tablename.chars().count()
            )));
        }
        // On some systems the names of tables are files' names, which come in one case.
        if self.tablename.eq_ignore_ascii_case(META_TABLE) {
            return Err(invalid(&format!(
                "tablename: `{META_TABLE}` is for the versions of tables"
            )));
        }
        let names = [Some(&self.tablename), self.tableschema.as_ref()];
        if names.into_iter().flatten().any(|name| name.contains('\0')) {
            return Err(invalid("tablename and tableschema: expected no zero byte"));
        }
        Ok(())
    }

    pub(crate) fn pool(&self) -> Result<PoolOptions> {
        PoolOptions::of_engine(WHAT, &self.engine_options)
    }

    /// How often to look for changes of others.
    pub(crate) fn period(&self) -> Result<Duration> {
        seconds("poll_interval", self.poll_interval)
    }
}

pub(crate) fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::Config, format!("{WHAT}: {message}"))
}

/// A time that is checked to be one.
pub(crate) fn seconds(name: &str, value: f64) -> Result<Duration> {
    options::seconds(&format!("{WHAT}: {name}"), value, 0.001)
}

/// The URL may hold a password.
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
    fn text_is_read_as_what_the_field_is() {
        let options = parse(&json!({"url": "mysql://db/jobs", "connect_timeout": "2.5",
            "engine_options": {"pool_size": "2"}}));
        let options = options.unwrap();
        assert_eq!(options.pool().unwrap().size, 12);
        assert_eq!(seconds("x", options.connect_timeout).unwrap(), Duration::from_millis(2500));
    }

    #[test]
    fn mistakes_are_named() {
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
            let error = parse(&given).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
