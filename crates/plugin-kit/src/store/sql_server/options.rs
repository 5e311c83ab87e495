//! The options of stores on SQL servers.

use std::fmt;
use std::time::Duration;

use apscheduler_core::options::Seconds;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The options of a store on an SQL server, with APScheduler's names.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SqlServerOptions {
    /// The URL of the database, such as `postgresql://user:password@host:port/database`.
    pub url: String,
    /// The table that holds the jobs. Default: `apscheduler_jobs`.
    pub tablename: String,
    /// The schema of the table, which must exist. In MySQL, a schema is a database. Default: that of the connection.
    pub tableschema: Option<String>,
    /// Options of SQLAlchemy's engine: `pool_size` (5) and `max_overflow` (10), whose sum is the most open connections,
    /// and `pool_timeout` (30 seconds), how long a call waits for a connection. `pool_pre_ping` and `pool_recycle` are
    /// accepted and ignored: dead connections are always noticed.
    pub engine_options: Map<String, Value>,
    /// How long connecting may take. Default: 10 seconds.
    pub connect_timeout: Seconds,
    /// How long the server may work on one statement. Default: 30 seconds.
    pub statement_timeout: Seconds,
    /// How often to look for changes by other schedulers. Default: every second in MySQL, never in PostgreSQL, which
    /// reports changes.
    pub poll_interval: Option<Seconds>,
}

impl Default for SqlServerOptions {
    fn default() -> Self {
        Self {
            url: String::new(),
            tablename: "apscheduler_jobs".to_owned(),
            tableschema: None,
            engine_options: Map::new(),
            connect_timeout: Seconds(10.0),
            statement_timeout: Seconds(30.0),
            poll_interval: None,
        }
    }
}

impl SqlServerOptions {
    /// The options for this URL, with the defaults for the rest.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }

    /// Sets the table that holds the jobs.
    pub fn tablename(mut self, tablename: impl Into<String>) -> Self {
        self.tablename = tablename.into();
        self
    }

    /// Sets the schema of the table, which must exist.
    pub fn tableschema(mut self, tableschema: impl Into<String>) -> Self {
        self.tableschema = Some(tableschema.into());
        self
    }

    /// Sets the options of SQLAlchemy's engine.
    pub fn engine_options(mut self, options: Map<String, Value>) -> Self {
        self.engine_options = options;
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

    /// Sets how often to look for changes by other schedulers.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = Some(interval.into());
        self
    }
}

/// Hides user, password and parameters of the URL.
impl fmt::Debug for SqlServerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlServerOptions")
            .field("url", &without_login(&self.url))
            .field("tablename", &self.tablename)
            .field("tableschema", &self.tableschema)
            .field("engine_options", &self.engine_options)
            .field("connect_timeout", &self.connect_timeout)
            .field("statement_timeout", &self.statement_timeout)
            .field("poll_interval", &self.poll_interval)
            .finish()
    }
}

fn without_login(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "...".to_owned() };
    // A password may contain any of the separators, if its user did not encode it.
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    let place = place.split('?').next().unwrap_or_default();
    format!("{scheme}://{place}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_login() {
        for (url, shown) in [
            ("postgresql://u:secret@db:5432/jobs?password=secret", "\"postgresql://db:5432/jobs\""),
            ("mysql://u:sec/ret?@secret@db/jobs", "\"mysql://db/jobs\""),
            ("u:secret@db/jobs", "\"...\""),
        ] {
            let debug = format!("{:?}", SqlServerOptions::new(url));
            assert!(debug.contains(shown) && !debug.contains("secret"), "{debug}");
        }
    }
}
