//! The options that stores on SQL servers share.

use std::time::Duration;

use apscheduler_core::options::Seconds;
use apscheduler_core::{Error, ErrorKind, Result};
use serde_json::{Map, Value};

use super::PoolOptions;

/// The options that stores on SQL servers share, as they were given.
///
/// Each store has an options struct of its own with these fields and lends them for the check: with `#[serde(flatten)]`,
/// errors could not list the known options, and text would not be read as numbers.
#[derive(Clone, Copy, Debug)]
pub struct SqlServerOptions<'a> {
    /// The table that holds the jobs.
    pub tablename: &'a str,
    /// The schema of the table.
    pub tableschema: Option<&'a str>,
    /// The options of SQLAlchemy's engine.
    pub engine_options: &'a Map<String, Value>,
    /// How long connecting may take.
    pub connect_timeout: Seconds,
    /// How long the server may work on one statement.
    pub statement_timeout: Seconds,
}

/// What a server allows.
#[derive(Clone, Copy, Debug)]
pub struct SqlServerRules {
    /// What errors call the plugin, as ``job store `postgres` ``.
    pub what: &'static str,
    /// The longest name of a table.
    pub max_tablename: usize,
    /// What `max_tablename` counts: `bytes` or `characters`.
    pub unit: &'static str,
    /// Returns the length of a name in this unit.
    pub length: fn(&str) -> usize,
    /// The table that holds the schema versions, which can't hold jobs.
    pub meta_table: &'static str,
    /// Whether the server may ignore the case of table names.
    pub ignores_case: bool,
}

/// The checked options that stores on SQL servers share.
#[derive(Clone, Debug)]
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
}

impl SqlServerRules {
    /// Checks the options.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] that names the option.
    pub fn check(&self, given: &SqlServerOptions<'_>) -> Result<SqlServerConfig> {
        let pool = PoolOptions::of_engine(self.what, given.engine_options)?;
        let connect_timeout = self.seconds("connect_timeout", given.connect_timeout)?;
        let statement_timeout = self.seconds("statement_timeout", given.statement_timeout)?;
        let length = (self.length)(given.tablename);
        if length == 0 || length > self.max_tablename {
            return Err(self.invalid(&format!(
                "tablename: expected 1 to {} {}, found {length}",
                self.max_tablename, self.unit
            )));
        }
        let is_meta_table = if self.ignores_case {
            given.tablename.eq_ignore_ascii_case(self.meta_table)
        } else {
            given.tablename == self.meta_table
        };
        if is_meta_table {
            return Err(self
                .invalid(&format!("tablename: `{}` holds the schema versions", self.meta_table)));
        }
        let names = [Some(given.tablename), given.tableschema];
        if names.into_iter().flatten().any(|name| name.contains('\0')) {
            return Err(self.invalid("tablename and tableschema: expected no zero byte"));
        }
        Ok(SqlServerConfig {
            tablename: given.tablename.to_owned(),
            tableschema: given.tableschema.map(str::to_owned),
            pool,
            connect_timeout,
            statement_timeout,
        })
    }

    /// Checks an option of time: at least a millisecond.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] that names the option.
    pub fn seconds(&self, option: &str, value: Seconds) -> Result<Duration> {
        value.check(&format!("{}: {option}", self.what), 0.001)
    }

    /// Returns an error about the options.
    pub fn invalid(&self, message: &str) -> Error {
        Error::new(ErrorKind::Config, format!("{}: {message}", self.what))
    }
}

/// The parts of the URL of a database.
///
/// # Examples
/// ```
/// use apscheduler_plugin_kit::store::SqlServerUrl;
///
/// let url = SqlServerUrl::split("mysql+pymysql://user:secret@db/jobs?charset=utf8mb4", &["mysql", "mariadb"])?;
/// assert_eq!((url.authority, url.path), ("user:secret@db", "jobs"));
/// assert_eq!(url.parameters().collect::<Vec<_>>(), [("charset", "utf8mb4")]);
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "it may hold a password")]
pub struct SqlServerUrl<'a> {
    /// Everything between the scheme and the parameters, percent-encoded.
    pub place: &'a str,
    /// User, password, hosts and ports, percent-encoded.
    pub authority: &'a str,
    /// What follows the slash, percent-encoded: the database.
    pub path: &'a str,
    query: &'a str,
}

impl<'a> SqlServerUrl<'a> {
    /// Splits a URL with one of these schemes. A driver of SQLAlchemy, as in `mysql+pymysql`, is ignored.
    ///
    /// # Errors
    /// A message that does not show the URL, which may hold a password.
    pub fn split(url: &'a str, schemes: &[&str]) -> Result<Self, String> {
        if url.is_empty() {
            let scheme = schemes.first().copied().unwrap_or_default();
            return Err(format!("needs `url`, as `{scheme}://user:password@host/database`"));
        }
        let rest = url
            .split_once("://")
            .filter(|(scheme, _)| schemes.contains(&scheme.split('+').next().unwrap_or_default()));
        let Some((_, rest)) = rest else {
            let prefixes: Vec<_> = schemes.iter().map(|scheme| format!("`{scheme}://`")).collect();
            let prefixes = prefixes.join(" or ");
            return Err(format!("url: expected one that begins with {prefixes}"));
        };
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = place.split_once('/').unwrap_or((place, ""));
        // A client would take a part of the password for the host, and show it in errors.
        if authority.matches('@').count() > 1 {
            return Err("url: a `@` in the user or the password is written `%40`".to_owned());
        }
        Ok(Self { place, authority, path, query })
    }

    /// Returns the names and values of the parameters, percent-encoded.
    pub fn parameters(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let parameters = self.query.split('&').filter(|parameter| !parameter.is_empty());
        parameters.map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: SqlServerRules = SqlServerRules {
        what: "job store `x`",
        max_tablename: 10,
        unit: "bytes",
        length: str::len,
        meta_table: "meta",
        ignores_case: true,
    };

    fn check(tablename: &str, connect_timeout: f64) -> Result<SqlServerConfig> {
        RULES.check(&SqlServerOptions {
            tablename,
            tableschema: None,
            engine_options: &Map::new(),
            connect_timeout: Seconds(connect_timeout),
            statement_timeout: Seconds(30.0),
        })
    }

    #[test]
    fn options_are_checked() {
        let config = check("jobs", 2.5).unwrap();
        assert_eq!(config.connect_timeout, Duration::from_millis(2500));
        assert_eq!(config.pool.size, 15);
        for (tablename, timeout, expected) in [
            ("", 1.0, "job store `x`: tablename: expected 1 to 10 bytes, found 0"),
            ("0123456789a", 1.0, "job store `x`: tablename: expected 1 to 10 bytes, found 11"),
            ("META", 1.0, "job store `x`: tablename: `meta` holds the schema versions"),
            ("a\0", 1.0, "job store `x`: tablename and tableschema: expected no zero byte"),
            (
                "a",
                0.0,
                "job store `x`: connect_timeout: expected 0.001 to 2147483 seconds, found 0",
            ),
        ] {
            assert_eq!(check(tablename, timeout).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn messages_do_not_show_the_url() {
        let schemes = ["postgresql", "postgres"];
        for (url, expected) in [
            ("", "needs `url`, as `postgresql://user:password@host/database`"),
            (
                "mysql://u:secret@db/jobs",
                "url: expected one that begins with `postgresql://` or `postgres://`",
            ),
            (
                "u:secret@db/jobs",
                "url: expected one that begins with `postgresql://` or `postgres://`",
            ),
            (
                "postgres://u:secret@secret@db/jobs",
                "url: a `@` in the user or the password is written `%40`",
            ),
        ] {
            assert_eq!(SqlServerUrl::split(url, &schemes).err().as_deref(), Some(expected));
        }
    }
}
