//! The options of the SQLite store.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use apscheduler_core::options::{self, Options, Seconds};
use apscheduler_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::names::{META_TABLE, STORE_NAME};

/// The options of the SQLite store, with APScheduler's names where it has them. Either `url` or `path` is required.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use apscheduler_store_sqlite::{SqliteJobStore, SqliteOptions, Synchronous};
///
/// let options = SqliteOptions::default()
///     .path("/var/lib/shop/jobs.sqlite")
///     .tablename("shop_jobs")
///     .synchronous(Synchronous::Full)
///     .busy_timeout(Duration::from_secs(10));
/// let store = SqliteJobStore::with_options(options)?;
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SqliteOptions {
    /// A URL as in SQLAlchemy: `sqlite:///relative.sqlite`, `sqlite:////absolute/path.sqlite`, or `sqlite://` for
    /// jobs in memory.
    pub url: Option<String>,
    /// The path of the file; `:memory:` keeps jobs in memory.
    pub path: Option<PathBuf>,
    /// The table that holds the jobs. Default: `apscheduler_jobs`.
    pub tablename: String,
    /// The schema of that table. SQLite has no schemas, so only `main` is one.
    pub tableschema: Option<String>,
    /// Options of SQLAlchemy's engine. None of them applies here, so it must be empty.
    pub engine_options: Map<String, Value>,
    /// How often to look for changes by other processes. Default: 0.5 seconds.
    pub poll_interval: Seconds,
    /// How long to wait for another process that writes. Default: 5 seconds.
    pub busy_timeout: Seconds,
    /// How durable changes are after a power failure. Default: `normal`.
    pub synchronous: Synchronous,
}

/// How durable changes are after a power failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Synchronous {
    /// A power failure may corrupt the file.
    Off,
    /// A power failure may undo the last few changes; the file stays intact.
    #[default]
    Normal,
    /// A power failure undoes nothing. Every change waits for the disk.
    Full,
}

impl Synchronous {
    pub(crate) fn pragma(self) -> &'static str {
        match self {
            Self::Off => "OFF",
            Self::Normal => "NORMAL",
            Self::Full => "FULL",
        }
    }
}

/// The place of the jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    Memory,
    File(PathBuf),
}

/// The database as errors name it.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("the database in memory"),
            Self::File(path) => {
                // Absolute, since the reader may not know the working directory of a service.
                let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                write!(f, "the database `{}`", path.display())
            }
        }
    }
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            url: None,
            path: None,
            tablename: "apscheduler_jobs".to_owned(),
            tableschema: None,
            engine_options: Map::new(),
            poll_interval: Seconds(0.5),
            busy_timeout: Seconds(5.0),
            synchronous: Synchronous::default(),
        }
    }
}

impl SqliteOptions {
    /// Reads the options of a config. [`with_options`](crate::SqliteJobStore::with_options) checks them.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] that names the key.
    pub fn parse(given: &Options) -> Result<Self> {
        options::parse(STORE_NAME, given)
    }

    /// Sets the place of the jobs, as a URL.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// Sets the place of the jobs, as the path of a file.
    pub fn path(mut self, path: impl Into<PathBuf>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Sets the table that holds the jobs.
    pub fn tablename(mut self, tablename: impl Into<String>) -> Self {
        self.tablename = tablename.into();
        self
    }

    /// Sets how often to look for changes by other processes.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval.into();
        self
    }

    /// Sets how long to wait for another process that writes.
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout.into();
        self
    }

    /// Sets how durable changes are after a power failure.
    pub fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.synchronous = synchronous;
        self
    }

    /// Returns the checked options.
    pub(crate) fn check(self) -> Result<Config> {
        if let Some(option) = self.engine_options.keys().next() {
            return Err(invalid(format!(
                "engine_options: unknown option `{option}`; those of SQLAlchemy do not apply here, see `busy_timeout` \
                 and `synchronous`"
            )));
        }
        if let Some(schema) = self.tableschema.as_deref().filter(|schema| *schema != "main") {
            return Err(invalid(format!(
                "tableschema: SQLite has no schemas, so expected nothing or `main`, found `{schema}`; give each set of \
                 jobs a `tablename` or a file of its own"
            )));
        }
        check_tablename(&self.tablename)?;
        Ok(Config {
            location: self.location()?,
            poll_interval: seconds("poll_interval", self.poll_interval, 0.001)?,
            busy_timeout: seconds("busy_timeout", self.busy_timeout, 0.0)?,
            synchronous: self.synchronous,
            tablename: self.tablename,
        })
    }

    fn location(&self) -> Result<Location> {
        match (&self.url, &self.path) {
            (Some(_), Some(_)) => Err(invalid("give either `url` or `path`, not both")),
            (None, None) => Err(invalid(
                "needs `path`, such as `jobs.sqlite`, or `url`, such as `sqlite:///jobs.sqlite`",
            )),
            (Some(url), None) => parse_url(url),
            (None, Some(path)) if path.as_os_str().is_empty() => {
                Err(invalid("path: expected the path of a file, found nothing"))
            }
            (None, Some(path)) => Ok(location_at(path)),
        }
    }
}

/// The checked options.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) location: Location,
    pub(crate) tablename: String,
    pub(crate) poll_interval: Duration,
    pub(crate) busy_timeout: Duration,
    pub(crate) synchronous: Synchronous,
}

impl Config {
    /// The defaults for a place.
    pub(crate) fn defaults(location: Location) -> Self {
        let defaults = SqliteOptions::default();
        Self {
            location,
            tablename: defaults.tablename,
            poll_interval: Duration::from_secs_f64(defaults.poll_interval.0),
            busy_timeout: Duration::from_secs_f64(defaults.busy_timeout.0),
            synchronous: defaults.synchronous,
        }
    }
}

fn invalid(message: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Config, format!("{STORE_NAME}: {message}"))
}

fn location_at(path: &Path) -> Location {
    if path == Path::new(":memory:") { Location::Memory } else { Location::File(path.to_owned()) }
}

/// Parses a URL as SQLAlchemy does: three slashes before a relative path, four before an absolute one.
fn parse_url(url: &str) -> Result<Location> {
    let expected = |found: &str| {
        invalid(format!(
            "url: expected `sqlite:///relative/path`, `sqlite:////absolute/path`, or `sqlite://` for jobs in memory, \
             found `{found}`"
        ))
    };
    let (scheme, rest) = url.split_once("://").ok_or_else(|| expected(url))?;
    if scheme.split('+').next() != Some("sqlite") {
        // Another backend's URL may hold a password.
        return Err(expected(&format!("{scheme}://...")));
    }
    if rest.contains('?') {
        return Err(invalid(
            "url: parameters (`?name=value`) are not known; use options such as `busy_timeout`, and `path` for a path \
             that has a `?`",
        ));
    }
    match rest.strip_prefix('/') {
        Some("") => Ok(Location::Memory),
        Some(path) => Ok(location_at(Path::new(path))),
        None if rest.is_empty() => Ok(Location::Memory),
        None => Err(expected(url)),
    }
}

fn check_tablename(name: &str) -> Result<()> {
    let lower = name.to_lowercase();
    let problem = if name.is_empty() {
        "expected a name, found nothing".to_owned()
    } else if name.contains('\0') {
        "a name can't contain NUL".to_owned()
    } else if lower.starts_with("sqlite_") || lower == META_TABLE {
        format!("the name `{name}` is taken; choose another")
    } else {
        return Ok(());
    };
    Err(invalid(format!("tablename: {problem}")))
}

fn seconds(name: &str, value: Seconds, least: f64) -> Result<Duration> {
    value.check(&format!("{STORE_NAME}: {name}"), least)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn location(given: &Value) -> Result<Location> {
        Ok(SqliteOptions::parse(given.as_object().unwrap())?.check()?.location)
    }

    #[test]
    fn urls_have_sqlalchemys_form() {
        for (url, path) in [
            ("sqlite:///jobs.sqlite", Some("jobs.sqlite")),
            ("sqlite:///data/jobs.sqlite", Some("data/jobs.sqlite")),
            ("sqlite:////var/lib/jobs.sqlite", Some("/var/lib/jobs.sqlite")),
            ("sqlite+pysqlite:///jobs.sqlite", Some("jobs.sqlite")),
            ("sqlite:///C:/jobs.sqlite", Some("C:/jobs.sqlite")),
            ("sqlite://", None),
            ("sqlite:///", None),
            ("sqlite:///:memory:", None),
        ] {
            let expected = path.map_or(Location::Memory, |path| Location::File(path.into()));
            assert_eq!(location(&json!({"url": url})).unwrap(), expected, "{url}");
        }
    }

    #[test]
    fn a_path_is_a_file_or_memory() {
        assert_eq!(location(&json!({"path": "a?b"})).unwrap(), Location::File("a?b".into()));
        assert_eq!(location(&json!({"path": ":memory:"})).unwrap(), Location::Memory);
    }

    #[test]
    fn text_is_read_as_numbers() {
        let given = json!({"path": "x", "busy_timeout": "2.5", "poll_interval": "250ms", "synchronous": "full"});
        let options = SqliteOptions::parse(given.as_object().unwrap()).unwrap();
        let config = options.check().unwrap();
        assert_eq!(config.busy_timeout, Duration::from_millis(2500));
        assert_eq!(config.poll_interval, Duration::from_millis(250));
        assert_eq!(config.synchronous, Synchronous::Full);
    }

    #[test]
    fn errors_name_the_option() {
        for (given, expected) in [
            (json!({}), "needs `path`, such as `jobs.sqlite`, or `url`"),
            (json!({"path": "a", "url": "sqlite://"}), "either `url` or `path`"),
            (json!({"path": ""}), "path: expected the path of a file"),
            (json!({"pth": "a"}), "unknown option `pth`; did you mean `path`?"),
            (json!({"url": "jobs.sqlite"}), "url: expected `sqlite:///relative/path`"),
            (json!({"url": "sqlite://jobs.sqlite"}), "found `sqlite://jobs.sqlite`"),
            (json!({"url": "postgresql://me:secret@host/db"}), "found `postgresql://...`"),
            (json!({"url": "sqlite:///a?mode=ro"}), "use options such as `busy_timeout`"),
            (json!({"path": "a", "synchronous": "ful"}), "did you mean `full`?"),
            (
                json!({"path": "a", "poll_interval": 0}),
                "expected 0.001 to 2147483 seconds, found 0",
            ),
            (json!({"path": "a", "busy_timeout": -1}), "expected 0 to 2147483 seconds, found -1"),
            (json!({"path": "a", "tableschema": "jobs"}), "nothing or `main`, found `jobs`"),
            (json!({"path": "a", "engine_options": {"echo": true}}), "unknown option `echo`"),
            (json!({"path": "a", "tablename": ""}), "tablename: expected a name"),
            (json!({"path": "a", "tablename": "a\0b"}), "tablename: a name can't contain NUL"),
            (json!({"path": "a", "tablename": "SQLite_jobs"}), "is taken"),
            (json!({"path": "a", "tablename": "APScheduler_meta"}), "is taken"),
        ] {
            let error = location(&given).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let text = error.to_string();
            assert!(text.starts_with("job store `sqlite`: "), "{text}");
            assert!(text.contains(expected), "{text}");
            assert!(!text.contains("secret"), "{text}");
        }
    }

    #[test]
    fn options_that_do_not_apply_may_be_empty() {
        let given = json!({"path": "a", "tableschema": "main", "engine_options": {}});
        assert!(location(&given).is_ok());
        assert!(location(&json!({"path": "a", "tableschema": null})).is_ok());
    }
}
