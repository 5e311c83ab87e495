//! The options of the Redis store.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use apscheduler_core::options::{self, Options};
use apscheduler_core::{Error, ErrorKind, Result};
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, RedisConnectionInfo};
use serde::Deserialize;

use crate::WHAT;

/// The options of the Redis store, with the names that they have in APScheduler and in redis-py.
///
/// # Examples
/// ```
/// use apscheduler_store_redis::{RedisJobStore, RedisOptions};
///
/// let options = RedisOptions::default().host("redis.example.org").password("secret").jobs_key("shop.jobs");
/// let store = RedisJobStore::with_options(options)?;
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct RedisOptions {
    /// `redis://[user:password@]host[:port][/db]`, or `rediss://` for TLS. What it leaves out comes from the other
    /// options; what it says goes before them.
    pub url: Option<String>,
    /// The host of the server. Default: `localhost`.
    pub host: String,
    /// The port of the server. Default: 6379.
    pub port: u16,
    /// The number of the database. Default: 0.
    pub db: u32,
    /// The user to log in as; without it, the server's default user.
    pub username: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// The key of the hash that keeps the jobs. Default: `apscheduler.jobs`. Applications that share a server differ in
    /// this and in `run_times_key`.
    pub jobs_key: String,
    /// The key of the sorted set that keeps the run times. Default: `apscheduler.run_times`.
    pub run_times_key: String,
    /// Whether to connect with TLS. Default: no.
    pub ssl: bool,
    /// A PEM file with the certificates to trust, in place of the system's.
    pub ssl_ca_certs: Option<PathBuf>,
    /// How many seconds to wait for an answer of the server. Default: 10.
    pub socket_timeout: f64,
    /// How many seconds to wait until a connection stands. Default: 5.
    pub socket_connect_timeout: f64,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            url: None,
            host: "localhost".to_owned(),
            port: 6379,
            db: 0,
            username: None,
            password: None,
            jobs_key: "apscheduler.jobs".to_owned(),
            run_times_key: "apscheduler.run_times".to_owned(),
            ssl: false,
            ssl_ca_certs: None,
            socket_timeout: 10.0,
            socket_connect_timeout: 5.0,
        }
    }
}

impl RedisOptions {
    /// Reads the options of a config.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] that names the key, and no password.
    pub fn parse(given: &Options) -> Result<Self> {
        let parsed: Self = options::parse(WHAT, given)?;
        parsed.resolve()?;
        Ok(parsed)
    }

    /// Sets the URL.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// Sets the host of the server.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = host.into();
        self
    }

    /// Sets the port of the server.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Sets the number of the database.
    pub fn db(mut self, db: u32) -> Self {
        self.db = db;
        self
    }

    /// Sets the user to log in as.
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// Sets the password.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Sets the key of the hash that keeps the jobs.
    pub fn jobs_key(mut self, jobs_key: impl Into<String>) -> Self {
        self.jobs_key = jobs_key.into();
        self
    }

    /// Sets the key of the sorted set that keeps the run times.
    pub fn run_times_key(mut self, run_times_key: impl Into<String>) -> Self {
        self.run_times_key = run_times_key.into();
        self
    }

    /// Sets whether to connect with TLS.
    pub fn ssl(mut self, ssl: bool) -> Self {
        self.ssl = ssl;
        self
    }

    /// Sets the PEM file with the certificates to trust.
    pub fn ssl_ca_certs(mut self, ssl_ca_certs: impl Into<PathBuf>) -> Self {
        self.ssl_ca_certs = Some(ssl_ca_certs.into());
        self
    }

    /// Sets how many seconds to wait for an answer.
    pub fn socket_timeout(mut self, seconds: f64) -> Self {
        self.socket_timeout = seconds;
        self
    }

    /// Sets how many seconds to wait until a connection stands.
    pub fn socket_connect_timeout(mut self, seconds: f64) -> Self {
        self.socket_connect_timeout = seconds;
        self
    }

    /// What the options come to.
    pub(crate) fn resolve(&self) -> Result<Target> {
        for (key, value) in [("jobs_key", &self.jobs_key), ("run_times_key", &self.run_times_key)] {
            if value.is_empty() {
                return Err(config_error(format!("{key}: must not be empty")));
            }
        }
        if !is_host(&self.host) {
            // It is not repeated: there may be a password in it.
            return Err(config_error(
                "host: expected the name of a host alone; a URL belongs into `url`".into(),
            ));
        }
        let meta_key = format!("{}.meta", self.jobs_key);
        let run_times_meta_key = format!("{}.meta", self.run_times_key);
        if self.jobs_key == self.run_times_key
            || meta_key == self.run_times_key
            || run_times_meta_key == self.jobs_key
        {
            return Err(config_error(
                "run_times_key: must be another key than those of the jobs".into(),
            ));
        }
        let info = self.connection_info()?;
        let db = info.redis_settings().db();
        Ok(Target {
            address: address(info.addr(), db),
            channel: format!("{}.changed.{db}", self.jobs_key),
            info,
            meta_key,
            run_times_meta_key,
            connect_timeout: duration("socket_connect_timeout", self.socket_connect_timeout)?,
            timeout: duration("socket_timeout", self.socket_timeout)?,
        })
    }

    fn connection_info(&self) -> Result<ConnectionInfo> {
        let mut info = match &self.url {
            Some(url) => read_url(url)?,
            None => ConnectionAddr::Tcp(self.host.clone(), self.port)
                .into_connection_info()
                .map_err(|_| config_error("host: expected the name of a host".into()))?,
        };
        let given = info.redis_settings();
        // `0` is what the driver makes of an URL without a database.
        let db = if given.db() == 0 { i64::from(self.db) } else { given.db() };
        let mut settings = RedisConnectionInfo::default().set_db(db);
        if let Some(username) = given.username().or(self.username.as_deref()) {
            settings = settings.set_username(username);
        }
        if let Some(password) = given.password().or(self.password.as_deref()) {
            settings = settings.set_password(password);
        }
        info = info.set_redis_settings(settings);
        if self.ssl
            && let ConnectionAddr::Tcp(host, port) = info.addr().clone()
        {
            info = info.set_addr(ConnectionAddr::TcpTls {
                host,
                port,
                insecure: false,
                tls_params: None,
            });
        }
        let is_tls = matches!(info.addr(), ConnectionAddr::TcpTls { .. });
        if is_tls && !cfg!(feature = "tls") {
            return Err(no_tls());
        }
        if self.ssl_ca_certs.is_some() && !is_tls {
            return Err(config_error("ssl_ca_certs: needs `ssl`, or a `rediss://` URL".into()));
        }
        Ok(info)
    }
}

/// The URL is not repeated in errors: there may be a password in it.
fn read_url(url: &str) -> Result<ConnectionInfo> {
    if url.starts_with("rediss:") && !cfg!(feature = "tls") {
        return Err(no_tls());
    }
    redis::parse_redis_url(url).and_then(|url| url.into_connection_info().ok()).ok_or_else(|| {
        config_error(
            "url: expected `redis://[user:password@]host[:port][/db]`, or `rediss://...`".into(),
        )
    })
}

/// Whether it is no URL, nor the part of one that has a password.
fn is_host(host: &str) -> bool {
    !host.contains(['@', '/'])
}

fn no_tls() -> Error {
    config_error("TLS needs the feature `tls` of the crate `apscheduler-store-redis`".into())
}

fn config_error(message: String) -> Error {
    Error::new(ErrorKind::Config, message).with_context(WHAT)
}

fn duration(key: &str, seconds: f64) -> Result<Duration> {
    options::seconds(&format!("{WHAT}: {key}"), seconds, 0.001)
}

/// The server as errors name it: without user and password.
fn address(addr: &ConnectionAddr, db: i64) -> String {
    match addr {
        ConnectionAddr::Tcp(host, port) => format!("redis://{host}:{port}/{db}"),
        ConnectionAddr::TcpTls { host, port, .. } => format!("rediss://{host}:{port}/{db}"),
        other => format!("{other} (database {db})"),
    }
}

/// Where to connect, and how.
pub(crate) struct Target {
    pub(crate) info: ConnectionInfo,
    pub(crate) address: String,
    pub(crate) meta_key: String,
    pub(crate) run_times_meta_key: String,
    pub(crate) channel: String,
    pub(crate) connect_timeout: Duration,
    pub(crate) timeout: Duration,
}

impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = |secret: &Option<String>| secret.as_ref().map(|_| "(hidden)");
        let host = if is_host(&self.host) { &self.host } else { "(hidden)" };
        f.debug_struct("RedisOptions")
            .field("url", &hidden(&self.url))
            .field("host", &host)
            .field("port", &self.port)
            .field("db", &self.db)
            .field("username", &self.username)
            .field("password", &hidden(&self.password))
            .field("jobs_key", &self.jobs_key)
            .field("run_times_key", &self.run_times_key)
            .field("ssl", &self.ssl)
            .field("ssl_ca_certs", &self.ssl_ca_certs)
            .field("socket_timeout", &self.socket_timeout)
            .field("socket_connect_timeout", &self.socket_connect_timeout)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(value: &Value) -> Result<RedisOptions> {
        RedisOptions::parse(value.as_object().unwrap())
    }

    fn resolve(value: &Value) -> Target {
        parse(value).unwrap().resolve().unwrap()
    }

    #[test]
    fn the_defaults_are_those_of_apscheduler() {
        let target = resolve(&json!({}));
        assert_eq!(target.address, "redis://localhost:6379/0");
        let options = parse(&json!({})).unwrap();
        assert_eq!(options.jobs_key, "apscheduler.jobs");
        assert_eq!(options.run_times_key, "apscheduler.run_times");
    }

    #[test]
    fn text_is_read_as_numbers() {
        let given = json!({"host": "h", "port": "7000", "db": "3", "socket_timeout": "2.5"});
        let target = resolve(&given);
        assert_eq!(target.address, "redis://h:7000/3");
        assert_eq!(target.timeout, Duration::from_millis(2500));
        assert_eq!(target.channel, "apscheduler.jobs.changed.3");
    }

    #[test]
    fn the_url_goes_before_the_other_options() {
        let given =
            json!({"url": "redis://ann:p%40ss@h:7000/2", "host": "x", "db": 5, "password": "y"});
        let target = resolve(&given);
        assert_eq!(target.address, "redis://h:7000/2");
        let login = target.info.redis_settings();
        assert_eq!((login.username(), login.password()), (Some("ann"), Some("p@ss")));
    }

    #[test]
    fn the_url_is_completed_by_the_other_options() {
        let given = json!({"url": "redis://h", "db": 5, "username": "ann", "password": "y"});
        let target = resolve(&given);
        assert_eq!(target.address, "redis://h:6379/5");
        let login = target.info.redis_settings();
        assert_eq!((login.username(), login.password()), (Some("ann"), Some("y")));
    }

    #[cfg(feature = "tls")]
    #[test]
    fn tls_is_asked_for_by_url_or_option() {
        for given in [json!({"url": "rediss://h:1"}), json!({"host": "h", "port": 1, "ssl": true})]
        {
            assert_eq!(resolve(&given).address, "rediss://h:1/0");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let cases = [
            (json!({"jobs_keys": "x"}), "did you mean `jobs_key`?"),
            (json!({"jobs_key": ""}), "jobs_key: must not be empty"),
            (json!({"jobs_key": "a", "run_times_key": "a"}), "run_times_key: must be another key"),
            (json!({"jobs_key": "a", "run_times_key": "a.meta"}), "must be another key"),
            (json!({"jobs_key": "a.meta", "run_times_key": "a"}), "must be another key"),
            (
                json!({"socket_timeout": 0}),
                "socket_timeout: expected 0.001 to 2147483 seconds, found 0",
            ),
            (json!({"url": "http://ann:secret@h"}), "url: expected `redis://"),
            (json!({"host": "ann:secret@h"}), "host: expected the name of a host alone"),
            (json!({"host": "redis://h/secret"}), "a URL belongs into `url`"),
            (json!({"port": "redis://ann:secret@h"}), "port: expected a whole number, found text"),
            (json!({"ssl_ca_certs": "ca.pem"}), "ssl_ca_certs: needs `ssl`"),
        ];
        for (given, expected) in cases {
            let error = parse(&given).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn debug_hides_secrets() {
        let options = RedisOptions::default().password("secret").url("redis://:secret@h");
        assert!(!format!("{options:?}").contains("secret"));
        let options = RedisOptions::default().host("ann:secret@h");
        assert!(!format!("{options:?}").contains("secret"));
    }
}
