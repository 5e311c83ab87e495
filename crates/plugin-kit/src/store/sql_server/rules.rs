//! The check of the options.

use std::time::Duration;

use apscheduler_core::options::{self, Options, Seconds};
use apscheduler_core::{Error, ErrorKind, Result};

use super::SqlServerOptions;
use crate::store::PoolOptions;

/// What a server allows in the [options](SqlServerOptions) of its store.
///
/// # Examples
/// ```
/// use apscheduler_plugin_kit::store::{LongestName, SqlServerOptions, SqlServerRules};
///
/// const RULES: SqlServerRules =
///     SqlServerRules::new("job store `acme`", LongestName::Bytes(40), "acme_meta");
///
/// let config = RULES.check(SqlServerOptions::new("acme://host/database").tablename("jobs"))?;
/// assert_eq!(config.tablename, "jobs");
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SqlServerRules {
    what: &'static str,
    longest_name: LongestName,
    meta_table: &'static str,
    ignores_case: bool,
}

/// The longest name of a table of jobs, in the unit that the server counts.
#[derive(Clone, Copy, Debug)]
pub enum LongestName {
    /// Up to this many bytes.
    Bytes(usize),
    /// Up to this many characters.
    Characters(usize),
}

/// The checked options.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SqlServerConfig {
    /// The table that holds the jobs.
    pub tablename: String,
    /// The schema of the table.
    pub tableschema: Option<String>,
    /// The limits of the connection pool.
    pub pool: PoolOptions,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long the server may work on one statement.
    pub statement_timeout: Duration,
    /// How often to look for changes by other schedulers, if given.
    pub poll_interval: Option<Duration>,
}

impl SqlServerRules {
    /// The rules for the plugin that errors call `what`, as ``job store `postgres` ``. `meta_table` is the table that
    /// holds the schema versions, which can't hold jobs.
    pub const fn new(
        what: &'static str,
        longest_name: LongestName,
        meta_table: &'static str,
    ) -> Self {
        Self { what, longest_name, meta_table, ignores_case: false }
    }

    /// Declares that the server may ignore the case of table names.
    pub const fn ignoring_case(mut self) -> Self {
        self.ignores_case = true;
        self
    }

    /// Reads the options of a config.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] that names the key.
    pub fn parse(&self, given: &Options) -> Result<SqlServerOptions> {
        options::parse(self.what, given)
    }

    /// Checks the options, except the URL.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] that names the option.
    pub fn check(&self, given: SqlServerOptions) -> Result<SqlServerConfig> {
        let pool = PoolOptions::of_engine(self.what, &given.engine_options)?;
        let connect_timeout = self.seconds("connect_timeout", given.connect_timeout)?;
        let statement_timeout = self.seconds("statement_timeout", given.statement_timeout)?;
        let poll_interval =
            given.poll_interval.map(|interval| self.seconds("poll_interval", interval));
        self.check_names(&given.tablename, given.tableschema.as_deref())?;
        Ok(SqlServerConfig {
            tablename: given.tablename,
            tableschema: given.tableschema,
            pool,
            connect_timeout,
            statement_timeout,
            poll_interval: poll_interval.transpose()?,
        })
    }

    fn check_names(&self, tablename: &str, tableschema: Option<&str>) -> Result<()> {
        let (length, longest, unit) = match self.longest_name {
            LongestName::Bytes(longest) => (tablename.len(), longest, "bytes"),
            LongestName::Characters(longest) => (tablename.chars().count(), longest, "characters"),
        };
        if length == 0 || length > longest {
            return Err(
                self.invalid(&format!("tablename: expected 1 to {longest} {unit}, found {length}"))
            );
        }
        let is_meta_table = if self.ignores_case {
            tablename.eq_ignore_ascii_case(self.meta_table)
        } else {
            tablename == self.meta_table
        };
        if is_meta_table {
            return Err(self
                .invalid(&format!("tablename: `{}` holds the schema versions", self.meta_table)));
        }
        if [Some(tablename), tableschema].into_iter().flatten().any(|name| name.contains('\0')) {
            return Err(self.invalid("tablename and tableschema: expected no zero byte"));
        }
        Ok(())
    }

    /// Checks an option of time: at least a millisecond.
    fn seconds(&self, option: &str, value: Seconds) -> Result<Duration> {
        value.check(&format!("{}: {option}", self.what), 0.001)
    }

    /// Returns an error about the options.
    pub fn invalid(&self, message: &str) -> Error {
        Error::new(ErrorKind::Config, format!("{}: {message}", self.what))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const RULES: SqlServerRules =
        SqlServerRules::new("job store `x`", LongestName::Bytes(10), "meta").ignoring_case();

    #[test]
    fn the_defaults_are_those_of_apscheduler() {
        let options = RULES.parse(json!({"url": "x://db/jobs"}).as_object().unwrap()).unwrap();
        assert_eq!(options.tablename, "apscheduler_jobs");
        assert_eq!(options, SqlServerOptions::new("x://db/jobs"));
    }

    #[test]
    fn text_is_read_as_numbers() {
        let given = json!({"url": "x://db/jobs", "tablename": "jobs", "connect_timeout": "2.5",
            "statement_timeout": "1m", "poll_interval": "250ms", "engine_options": {"pool_size": "2"}});
        let config = RULES.check(RULES.parse(given.as_object().unwrap()).unwrap()).unwrap();
        assert_eq!(config.pool.size, 12);
        assert_eq!(config.connect_timeout, Duration::from_millis(2500));
        assert_eq!(config.statement_timeout, Duration::from_mins(1));
        assert_eq!(config.poll_interval, Some(Duration::from_millis(250)));
    }

    #[test]
    fn errors_name_the_option() {
        for (given, expected) in [
            (json!({"table": "x"}), "did you mean `tablename`?"),
            (json!({"tablename": ""}), "tablename: expected 1 to 10 bytes, found 0"),
            (json!({"tablename": "0123456789a"}), "tablename: expected 1 to 10 bytes, found 11"),
            (json!({"tablename": "META"}), "tablename: `meta` holds the schema versions"),
            (json!({"tablename": "a\0"}), "tablename and tableschema: expected no zero byte"),
            (json!({"connect_timeout": 0}), "connect_timeout: expected 0.001 to 2147483 seconds"),
            (json!({"statement_timeout": -1}), "statement_timeout: expected 0.001 to"),
            (json!({"poll_interval": 0}), "poll_interval: expected 0.001 to"),
            (json!({"engine_options": {"echo": 1}}), "unknown option `echo`"),
        ] {
            let mut options = json!({"url": "x://db/jobs", "tablename": "jobs"});
            options.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
            let options = RULES.parse(options.as_object().unwrap());
            let error = options.and_then(|options| RULES.check(options)).unwrap_err().to_string();
            assert!(error.starts_with("job store `x`: "), "{error}");
            assert!(error.contains(expected), "{error}");
        }
    }
}
