//! The options of the RethinkDB store.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use apscheduler_core::options::{self, Options, Seconds};
use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_plugin_kit::store::SqlServerUrl;
use percent_encoding::percent_decode_str;
use serde::Deserialize;

use crate::client::{Target, Tls};
use crate::failure::Address;
use crate::names::STORE_NAME;

/// The port of RethinkDB's clients.
const PORT: u16 = 28015;

/// The options of the RethinkDB store, with the names that they have in APScheduler and in the driver for Python.
///
/// # Examples
/// ```
/// use apscheduler_store_rethinkdb::{RethinkDbJobStore, RethinkDbOptions};
///
/// let options = RethinkDbOptions::default().host("db.example.org").login("shop", "secret").database("shop");
/// let store = RethinkDbJobStore::with_options(options)?;
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RethinkDbOptions {
    /// `rethinkdb://[user:password@]host[:port][/database]`. Its parts take precedence over the other options.
    pub url: Option<String>,
    /// The database. Default: `apscheduler`.
    pub database: String,
    /// The table that holds the jobs. Default: `jobs`. Applications that share a server must differ in this or in `database`.
    pub table: String,
    /// The host of the server. Default: `localhost`.
    pub host: String,
    /// The port of the server. Default: 28015.
    pub port: u16,
    /// The user to log in as. Default: `admin`.
    pub user: String,
    /// The password. `auth_key` is read as this too.
    #[serde(alias = "auth_key")]
    pub password: Option<String>,
    /// Connects with TLS, if given.
    pub ssl: Option<RethinkDbTls>,
    /// How long connecting may take, with the login. Default: 20 seconds.
    pub timeout: Seconds,
    /// How long a query may take. Default: 30 seconds.
    pub query_timeout: Seconds,
}

/// How to connect with TLS.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RethinkDbTls {
    /// A PEM file with the certificates to trust, instead of the system's.
    pub ca_certs: Option<PathBuf>,
}

impl Default for RethinkDbOptions {
    fn default() -> Self {
        Self {
            url: None,
            database: "apscheduler".to_owned(),
            table: "jobs".to_owned(),
            host: "localhost".to_owned(),
            port: PORT,
            user: "admin".to_owned(),
            password: None,
            ssl: None,
            timeout: Seconds(20.0),
            query_timeout: Seconds(30.0),
        }
    }
}

impl RethinkDbOptions {
    /// Reads the options of a config. [`with_options`](crate::RethinkDbJobStore::with_options) checks them.
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

    /// Sets the database.
    pub fn database(mut self, database: impl Into<String>) -> Self {
        self.database = database.into();
        self
    }

    /// Sets the table that holds the jobs.
    pub fn table(mut self, table: impl Into<String>) -> Self {
        self.table = table.into();
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

    /// Sets the user to log in as, and the password.
    pub fn login(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        (self.user, self.password) = (user.into(), Some(password.into()));
        self
    }

    /// Connects with TLS, and trusts the certificates of the system.
    pub fn ssl(mut self) -> Self {
        self.ssl.get_or_insert_default();
        self
    }

    /// Connects with TLS, and trusts the certificates in this PEM file.
    pub fn ca_certs(mut self, ca_certs: impl Into<PathBuf>) -> Self {
        self.ssl = Some(RethinkDbTls { ca_certs: Some(ca_certs.into()) });
        self
    }

    /// Sets how long connecting may take, with the login.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.into();
        self
    }

    /// Sets how long a query may take.
    pub fn query_timeout(mut self, timeout: Duration) -> Self {
        self.query_timeout = timeout.into();
        self
    }

    /// Returns the checked options.
    pub(crate) fn check(mut self) -> Result<Config> {
        self.apply_url()?;
        check_name("database", &self.database)?;
        check_name("table", &self.table)?;
        if self.host.is_empty() || self.host.contains(['@', '/']) {
            // The error does not show it, because it may hold a password.
            let message = "host: expected only the name of a host; a URL belongs in `url`";
            return Err(config_error(message.into()));
        }
        let host = self.host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let shown = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let seconds =
            |key: &str, given: Seconds| given.check(&format!("{STORE_NAME}: {key}"), 0.001);
        let target = Target {
            port: self.port,
            user: self.user,
            password: self.password.clone().unwrap_or_default(),
            tls: self.ssl.map(tls).transpose()?,
            connect_timeout: seconds("timeout", self.timeout)?,
            timeout: seconds("query_timeout", self.query_timeout)?,
            host,
        };
        let shown = format!("rethinkdb://{shown}:{}", self.port);
        let address = Address { shown, password: self.password };
        Ok(Config { target, address, database: self.database, table: self.table })
    }

    /// Sets the options that the URL has. Errors do not show it, because it may hold a password.
    fn apply_url(&mut self) -> Result<()> {
        let Some(url) = self.url.take() else { return Ok(()) };
        let url = SqlServerUrl::split(&url, &["rethinkdb"]).map_err(config_error)?;
        if let Some((name, _)) = url.parameters().next() {
            let message = format!("url: unknown parameter `{name}`; options are keys beside `url`");
            return Err(config_error(message));
        }
        let decode = |text: &str| {
            let decoded = percent_decode_str(text).decode_utf8();
            decoded.map(String::from).map_err(|_| config_error("url: it is not valid UTF-8".into()))
        };
        let (login, place) = url.authority.rsplit_once('@').unwrap_or(("", url.authority));
        if !login.is_empty() {
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            self.user = decode(user)?;
            if !password.is_empty() {
                self.password = Some(decode(password)?);
            }
        }
        let has_port = !place.ends_with(']');
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if has_port => (host, Some(port)),
            _ => (place, None),
        };
        if let Some(port) = port {
            self.port = port.parse().map_err(|_| {
                config_error(
                    "url: expected `rethinkdb://[user:password@]host[:port][/database]`".into(),
                )
            })?;
        }
        if !host.is_empty() {
            self.host = decode(host)?;
        }
        if !url.path.is_empty() {
            self.database = decode(url.path)?;
        }
        Ok(())
    }
}

/// The checked options.
pub(crate) struct Config {
    pub(crate) target: Target,
    pub(crate) address: Address,
    pub(crate) database: String,
    pub(crate) table: String,
}

#[cfg(feature = "tls")]
#[expect(clippy::unnecessary_wraps, reason = "as without TLS")]
fn tls(given: RethinkDbTls) -> Result<Tls> {
    Ok(Tls { roots: given.ca_certs })
}

#[cfg(not(feature = "tls"))]
fn tls(_given: RethinkDbTls) -> Result<Tls> {
    let message = "ssl: needs the feature `tls` of `apscheduler` or `apscheduler-store-rethinkdb`";
    Err(config_error(message.into()))
}

/// Refuses names that RethinkDB does not allow.
fn check_name(key: &str, name: &str) -> Result<()> {
    let is_valid = |character: char| character.is_ascii_alphanumeric() || "_-".contains(character);
    if name.is_empty() {
        return Err(config_error(format!("{key}: must not be empty")));
    }
    match name.chars().find(|character| !is_valid(*character)) {
        None => Ok(()),
        Some(character) => Err(config_error(format!(
            "{key}: expected letters, digits, `_` and `-`, found {character:?}"
        ))),
    }
}

fn config_error(message: String) -> Error {
    Error::new(ErrorKind::Config, message).with_context(STORE_NAME)
}

impl fmt::Debug for RethinkDbOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = |secret: &Option<String>| secret.as_ref().map(|_| "(hidden)");
        let host = if self.host.contains(['@', '/']) { "(hidden)" } else { &self.host };
        f.debug_struct("RethinkDbOptions")
            .field("url", &hidden(&self.url))
            .field("database", &self.database)
            .field("table", &self.table)
            .field("host", &host)
            .field("port", &self.port)
            .field("user", &self.user)
            .field("password", &hidden(&self.password))
            .field("ssl", &self.ssl)
            .field("timeout", &self.timeout)
            .field("query_timeout", &self.query_timeout)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(value: &Value) -> Result<RethinkDbOptions> {
        RethinkDbOptions::parse(value.as_object().unwrap())
    }

    fn check(value: &Value) -> Config {
        parse(value).unwrap().check().unwrap()
    }

    #[test]
    fn the_defaults_are_those_of_apscheduler_and_of_its_driver() {
        let config = check(&json!({}));
        assert_eq!((&*config.database, &*config.table), ("apscheduler", "jobs"));
        assert_eq!(config.address.shown, "rethinkdb://localhost:28015");
        assert_eq!((&*config.target.user, &*config.target.password), ("admin", ""));
        assert_eq!(config.target.connect_timeout, Duration::from_secs(20));
    }

    #[test]
    fn a_url_sets_its_parts() {
        for (url, shown, login, database) in [
            ("rethinkdb://h", "rethinkdb://h:28015", ("admin", ""), "apscheduler"),
            ("rethinkdb://ann:s%40c@h:1/d", "rethinkdb://h:1", ("ann", "s@c"), "d"),
            ("rethinkdb://ann@[::1]:7/", "rethinkdb://[::1]:7", ("ann", ""), "apscheduler"),
            ("rethinkdb://[::1]", "rethinkdb://[::1]:28015", ("admin", ""), "apscheduler"),
        ] {
            let config = check(&json!({"url": url}));
            assert_eq!((&*config.address.shown, &*config.database), (shown, database), "{url}");
            assert_eq!((&*config.target.user, &*config.target.password), login, "{url}");
        }
        let config = check(&json!({"host": "h", "port": "7", "auth_key": "k", "timeout": "2s"}));
        assert_eq!((config.target.port, &*config.target.password), (7, "k"));
    }

    #[test]
    fn debug_hides_the_password() {
        for given in [
            json!({"url": "rethinkdb://ann:secret@h"}),
            json!({"password": "secret"}),
            json!({"host": "ann:secret@h"}),
        ] {
            let options = parse(&given).unwrap();
            assert!(!format!("{options:?}").contains("secret"));
            if let Ok(config) = options.check() {
                assert!(!format!("{:?} {:?}", config.target, config.address).contains("secret"));
            }
        }
    }

    #[test]
    fn errors_name_the_option() {
        for (given, expected) in [
            (json!({"tabel": "x"}), "did you mean `table`?"),
            (json!({"table": ""}), "table: must not be empty"),
            (
                json!({"database": "a b"}),
                "database: expected letters, digits, `_` and `-`, found ' '",
            ),
            (json!({"query_timeout": 0}), "query_timeout: expected 0.001 to"),
            (json!({"host": "ann:secret@h"}), "host: expected only the name of a host"),
            (
                json!({"url": "http://ann:secret@h"}),
                "url: expected one that begins with `rethinkdb://`",
            ),
            (json!({"url": "rethinkdb://ann:secret@h:x"}), "url: expected `rethinkdb://[user"),
            (json!({"url": "rethinkdb://h?ssl=1"}), "url: unknown parameter `ssl`"),
            (json!({"ssl": {"ca_cert": "x"}}), "ca_certs"),
        ] {
            let error = parse(&given).and_then(RethinkDbOptions::check).err().unwrap().to_string();
            assert!(error.starts_with(STORE_NAME), "{error}");
            assert!(error.contains(expected) && !error.contains("secret"), "{error}");
        }
    }
}
