//! The options of the Redis store.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use apscheduler_core::options::{self, Options, Seconds};
use apscheduler_core::{Error, ErrorKind, Result};
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, RedisConnectionInfo};
use serde::Deserialize;

use crate::keys::Keys;
use crate::names::STORE_NAME;

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
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RedisOptions {
    /// `redis://[user:password@]host[:port][/db]`, or `rediss://` for TLS. Its parts take precedence over the other options.
    pub url: Option<String>,
    /// The host of the server. Default: `localhost`.
    pub host: String,
    /// The port of the server. Default: 6379.
    pub port: u16,
    /// The number of the database. Default: 0.
    pub db: u32,
    /// The user to log in as. Default: the server's default user.
    pub username: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// The key of the hash that holds the jobs. Default: `apscheduler.jobs`. Applications that share a server must differ in
    /// this and in `run_times_key`.
    pub jobs_key: String,
    /// The key of the sorted set that holds the run times. Default: `apscheduler.run_times`.
    pub run_times_key: String,
    /// Whether to connect with TLS. Default: no.
    pub ssl: bool,
    /// A PEM file with the certificates to trust, instead of the system's.
    pub ssl_ca_certs: Option<PathBuf>,
    /// How long to wait for an answer from the server. Default: 10 seconds.
    pub socket_timeout: Seconds,
    /// How long connecting may take. Default: 5 seconds.
    pub socket_connect_timeout: Seconds,
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
            socket_timeout: Seconds(10.0),
            socket_connect_timeout: Seconds(5.0),
        }
    }
}

impl RedisOptions {
    /// Reads the options of a config. [`with_options`](crate::RedisJobStore::with_options) checks them.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] that names the key, but shows no password.
    pub fn parse(given: &Options) -> Result<Self> {
        options::parse(STORE_NAME, given)
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

    /// Sets the key of the hash that holds the jobs.
    pub fn jobs_key(mut self, jobs_key: impl Into<String>) -> Self {
        self.jobs_key = jobs_key.into();
        self
    }

    /// Sets the key of the sorted set that holds the run times.
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

    /// Sets how long to wait for an answer from the server.
    pub fn socket_timeout(mut self, timeout: Duration) -> Self {
        self.socket_timeout = timeout.into();
        self
    }

    /// Sets how long connecting may take.
    pub fn socket_connect_timeout(mut self, timeout: Duration) -> Self {
        self.socket_connect_timeout = timeout.into();
        self
    }

    /// Returns the checked options.
    pub(crate) fn check(self) -> Result<Config> {
        for (key, value) in [("jobs_key", &self.jobs_key), ("run_times_key", &self.run_times_key)] {
            if value.is_empty() {
                return Err(config_error(format!("{key}: must not be empty")));
            }
        }
        if !is_host(&self.host) {
            // The error does not show it, because it may hold a password.
            return Err(config_error(
                "host: expected only the name of a host; a URL belongs in `url`".into(),
            ));
        }
        let keys = Keys::new(self.jobs_key.clone(), self.run_times_key.clone());
        if !keys.are_distinct() {
            return Err(config_error(
                "run_times_key: must differ from the keys of the jobs".into(),
            ));
        }
        let info = self.connection_info()?;
        let db = info.redis_settings().db();
        Ok(Config {
            address: address(info.addr(), db),
            channel: format!("{}.changed.{db}", self.jobs_key),
            info,
            keys,
            #[cfg(feature = "tls")]
            ssl_ca_certs: self.ssl_ca_certs,
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
        // The driver reads a URL without a database as `0`.
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

/// Parses a URL. Errors do not show it, because it may hold a password.
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

/// Whether this is neither a URL nor the part of one that holds a password.
fn is_host(host: &str) -> bool {
    !host.contains(['@', '/'])
}

fn no_tls() -> Error {
    config_error("TLS needs the feature `tls` of `apscheduler` or `apscheduler-store-redis`".into())
}

fn config_error(message: String) -> Error {
    Error::new(ErrorKind::Config, message).with_context(STORE_NAME)
}

fn duration(key: &str, seconds: Seconds) -> Result<Duration> {
    seconds.check(&format!("{STORE_NAME}: {key}"), 0.001)
}

/// Returns the address for messages, without user and password.
fn address(addr: &ConnectionAddr, db: i64) -> String {
    match addr {
        ConnectionAddr::Tcp(host, port) => format!("redis://{host}:{port}/{db}"),
        ConnectionAddr::TcpTls { host, port, .. } => format!("rediss://{host}:{port}/{db}"),
        other => format!("{other} (database {db})"),
    }
}

/// The checked options.
pub(crate) struct Config {
    pub(crate) info: ConnectionInfo,
    /// The address for messages.
    pub(crate) address: String,
    pub(crate) keys: Keys,
    #[cfg(feature = "tls")]
    pub(crate) ssl_ca_certs: Option<PathBuf>,
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

    fn check(value: &Value) -> Config {
        parse(value).unwrap().check().unwrap()
    }

    #[test]
    fn the_defaults_are_those_of_apscheduler() {
        let config = check(&json!({}));
        assert_eq!(config.address, "redis://localhost:6379/0");
        let options = parse(&json!({})).unwrap();
        assert_eq!(options.jobs_key, "apscheduler.jobs");
        assert_eq!(options.run_times_key, "apscheduler.run_times");
    }

    #[test]
    fn text_is_read_as_numbers() {
        let given = json!({"host": "h", "port": "7000", "db": "3", "socket_timeout": "2.5", "socket_connect_timeout": "3s"});
        let config = check(&given);
        assert_eq!(config.address, "redis://h:7000/3");
        assert_eq!(config.timeout, Duration::from_millis(2500));
        assert_eq!(config.connect_timeout, Duration::from_secs(3));
        assert_eq!(config.channel, "apscheduler.jobs.changed.3");
    }

    #[test]
    fn the_url_takes_precedence() {
        let given =
            json!({"url": "redis://ann:p%40ss@h:7000/2", "host": "x", "db": 5, "password": "y"});
        let config = check(&given);
        assert_eq!(config.address, "redis://h:7000/2");
        let login = config.info.redis_settings();
        assert_eq!((login.username(), login.password()), (Some("ann"), Some("p@ss")));
    }

    #[test]
    fn other_options_complete_the_url() {
        let given = json!({"url": "redis://h", "db": 5, "username": "ann", "password": "y"});
        let config = check(&given);
        assert_eq!(config.address, "redis://h:6379/5");
        let login = config.info.redis_settings();
        assert_eq!((login.username(), login.password()), (Some("ann"), Some("y")));
    }

    #[cfg(feature = "tls")]
    #[test]
    fn a_url_or_an_option_enables_tls() {
        for given in [json!({"url": "rediss://h:1"}), json!({"host": "h", "port": 1, "ssl": true})]
        {
            assert_eq!(check(&given).address, "rediss://h:1/0");
        }
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn tls_needs_its_feature() {
        for given in [json!({"url": "rediss://h:1"}), json!({"ssl": true})] {
            let error = parse(&given).and_then(RedisOptions::check).err().unwrap().to_string();
            assert!(error.contains("the feature `tls` of `apscheduler`"), "{error}");
        }
    }

    #[test]
    fn errors_name_the_option() {
        let cases = [
            (json!({"jobs_keys": "x"}), "did you mean `jobs_key`?"),
            (json!({"jobs_key": ""}), "jobs_key: must not be empty"),
            (
                json!({"jobs_key": "a", "run_times_key": "a"}),
                "run_times_key: must differ from the keys",
            ),
            (json!({"jobs_key": "a", "run_times_key": "a.meta"}), "must differ from the keys"),
            (json!({"jobs_key": "a.meta", "run_times_key": "a"}), "must differ from the keys"),
            (json!({"jobs_key": "a", "run_times_key": "a.runs"}), "must differ from the keys"),
            (
                json!({"socket_timeout": 0}),
                "socket_timeout: expected 0.001 to 2147483 seconds, found 0",
            ),
            (json!({"url": "http://ann:secret@h"}), "url: expected `redis://"),
            (json!({"host": "ann:secret@h"}), "host: expected only the name of a host"),
            (json!({"host": "redis://h/secret"}), "a URL belongs in `url`"),
            (json!({"port": "redis://ann:secret@h"}), "port: expected a whole number, found text"),
            (json!({"ssl_ca_certs": "ca.pem"}), "ssl_ca_certs: needs `ssl`"),
        ];
        for (given, expected) in cases {
            let error = parse(&given).and_then(RedisOptions::check).err().unwrap().to_string();
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
