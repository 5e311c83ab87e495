//! The options of the etcd store.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::options::{self, Options, Seconds};
use serde::Deserialize;

use crate::endpoints::{self, Endpoints};
use crate::failure::Address;
use crate::keys::Keys;
use crate::names::{STORE_NAME, config_error};

/// The options of the etcd store, with the names that they have in APScheduler and in python-etcd3.
///
/// # Examples
/// ```
/// use apscheduler_store_etcd::{EtcdJobStore, EtcdOptions};
///
/// let options = EtcdOptions::default().host("etcd.example.org").login("shop", "secret").path("/shop");
/// let store = EtcdJobStore::with_options(options)?;
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct EtcdOptions {
    /// What all keys begin with. Default: `/apscheduler`. Applications that share a server must differ in it.
    pub path: String,
    /// The host of the server. Default: `localhost`.
    pub host: String,
    /// The port of the server. Default: 2379.
    pub port: u16,
    /// The members of a cluster, in place of `host` and `port`: `http://host[:port]`, or `https://host[:port]` for TLS. Configs
    /// may also give a text with commas.
    #[serde(deserialize_with = "endpoints::deserialize")]
    pub endpoints: Vec<String>,
    /// The user to log in as.
    #[serde(alias = "username")]
    pub user: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// A PEM file with the certificates to trust, instead of the system's. With it, `host` is connected to with TLS.
    pub ca_cert: Option<PathBuf>,
    /// A PEM file with the certificate that this client shows. Needs `cert_key`.
    pub cert_cert: Option<PathBuf>,
    /// A PEM file with the key of that certificate.
    pub cert_key: Option<PathBuf>,
    /// How long to wait for an answer from the server. Default: 10 seconds.
    pub timeout: Seconds,
    /// How long connecting may take. Default: 5 seconds.
    pub connect_timeout: Seconds,
}

impl Default for EtcdOptions {
    fn default() -> Self {
        Self {
            path: "/apscheduler".to_owned(),
            host: "localhost".to_owned(),
            port: endpoints::DEFAULT_PORT,
            endpoints: Vec::new(),
            user: None,
            password: None,
            ca_cert: None,
            cert_cert: None,
            cert_key: None,
            timeout: Seconds(10.0),
            connect_timeout: Seconds(5.0),
        }
    }
}

impl EtcdOptions {
    /// Reads the options of a config. [`with_options`](crate::EtcdJobStore::with_options) checks them.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) that names the key, but shows no password.
    pub fn parse(given: &Options) -> Result<Self> {
        options::parse(STORE_NAME, given)
    }

    /// Sets what all keys begin with.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
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

    /// Sets the members of a cluster, in place of host and port.
    pub fn endpoints<T: Into<String>>(mut self, endpoints: impl IntoIterator<Item = T>) -> Self {
        self.endpoints = endpoints.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the user to log in as, and the password.
    pub fn login(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self.password = Some(password.into());
        self
    }

    /// Sets the PEM file with the certificates to trust.
    pub fn ca_cert(mut self, file: impl Into<PathBuf>) -> Self {
        self.ca_cert = Some(file.into());
        self
    }

    /// Sets the PEM files with the certificate that this client shows, and its key.
    pub fn client_cert(mut self, cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.cert_cert = Some(cert.into());
        self.cert_key = Some(key.into());
        self
    }

    /// Sets how long to wait for an answer from the server.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.into();
        self
    }

    /// Sets how long connecting may take.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout.into();
        self
    }

    /// Returns the checked options.
    pub(crate) fn check(self) -> Result<Config> {
        let Endpoints { urls, is_tls } = if self.endpoints.is_empty() {
            endpoints::of_host(&self.host, self.port, self.ca_cert.is_some())?
        } else {
            endpoints::check(&self.endpoints)?
        };
        if is_tls && !cfg!(feature = "tls") {
            return Err(config_error(
                "TLS needs the feature `tls` of `apscheduler` or `apscheduler-store-etcd`",
            ));
        }
        let files = [
            ("ca_cert", &self.ca_cert),
            ("cert_cert", &self.cert_cert),
            ("cert_key", &self.cert_key),
        ];
        if let Some((key, _)) = files.iter().find(|(_, file)| file.is_some() && !is_tls) {
            return Err(config_error(format!("{key}: needs TLS, as with `https://` endpoints")));
        }
        let client_cert = match (self.cert_cert, self.cert_key) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            _ => return Err(config_error("cert_cert: needs `cert_key`, and the other way round")),
        };
        let login = match (self.user, self.password) {
            (Some(user), Some(password)) => Some((user, password)),
            (None, None) => None,
            (Some(_), None) => return Err(config_error("password: is missing beside `user`")),
            (None, Some(_)) => return Err(config_error("user: is missing beside `password`")),
        };
        let password = login.as_ref().map(|(_, password)| password.clone());
        Ok(Config {
            address: Address { shown: urls.join(", "), password },
            endpoints: urls,
            login,
            tls: is_tls.then_some(TlsFiles { ca_cert: self.ca_cert, client_cert }),
            keys: Keys::new(&self.path)?,
            timeout: self.timeout.check(&format!("{STORE_NAME}: timeout"), 0.001)?,
            connect_timeout: self
                .connect_timeout
                .check(&format!("{STORE_NAME}: connect_timeout"), 0.001)?,
        })
    }
}

/// The files for TLS.
#[derive(Clone)]
#[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "without TLS, nothing reads them"))]
pub(crate) struct TlsFiles {
    pub(crate) ca_cert: Option<PathBuf>,
    pub(crate) client_cert: Option<(PathBuf, PathBuf)>,
}

/// The checked options.
#[derive(Clone)]
pub(crate) struct Config {
    /// URLs of the members.
    pub(crate) endpoints: Vec<String>,
    pub(crate) address: Address,
    pub(crate) login: Option<(String, String)>,
    #[cfg_attr(
        not(feature = "tls"),
        expect(dead_code, reason = "without TLS, it is always `None`")
    )]
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) keys: Keys,
    pub(crate) timeout: Duration,
    pub(crate) connect_timeout: Duration,
}

impl fmt::Debug for EtcdOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text: &String| {
            if endpoints::may_hold_secret(text) { "(hidden)".to_owned() } else { text.clone() }
        };
        f.debug_struct("EtcdOptions")
            .field("path", &self.path)
            .field("host", &shown(&self.host))
            .field("port", &self.port)
            .field("endpoints", &self.endpoints.iter().map(shown).collect::<Vec<_>>())
            .field("user", &self.user)
            .field("password", &self.password.as_ref().map(|_| "(hidden)"))
            .field("ca_cert", &self.ca_cert)
            .field("cert_cert", &self.cert_cert)
            .field("cert_key", &self.cert_key)
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.connect_timeout)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(value: &Value) -> Result<EtcdOptions> {
        EtcdOptions::parse(value.as_object().unwrap())
    }

    fn check(value: &Value) -> Config {
        parse(value).unwrap().check().unwrap()
    }

    #[test]
    fn the_defaults_are_those_of_apscheduler() {
        let config = check(&json!({}));
        assert_eq!(config.address.shown, "http://localhost:2379");
        assert_eq!(config.keys.path(), "/apscheduler");
    }

    #[test]
    fn text_is_read_as_numbers_and_lists() {
        let given = json!({"host": "h", "port": "7000", "timeout": "2.5", "connect_timeout": "3s"});
        let config = check(&given);
        assert_eq!(config.endpoints, ["http://h:7000"]);
        assert_eq!(config.timeout, Duration::from_millis(2500));
        assert_eq!(config.connect_timeout, Duration::from_secs(3));
        for given in [json!("a:1, http://b"), json!(["a:1", "http://b"])] {
            let config = check(&json!({"endpoints": given, "host": "unused"}));
            assert_eq!(config.endpoints, ["http://a:1", "http://b:2379"]);
        }
    }

    #[test]
    fn a_login_has_two_parts() {
        let config = check(&json!({"user": "ann", "password": "secret"}));
        assert_eq!(config.login, Some(("ann".to_owned(), "secret".to_owned())));
        assert!(check(&json!({"username": "ann", "password": ""})).login.is_some());
    }

    #[cfg(feature = "tls")]
    #[test]
    fn a_certificate_or_an_endpoint_enables_tls() {
        let config = check(&json!({"host": "h", "ca_cert": "ca.pem"}));
        assert_eq!(config.endpoints, ["https://h:2379"]);
        assert!(config.tls.unwrap().ca_cert.is_some());
        assert!(check(&json!({"endpoints": ["https://h"]})).tls.is_some());
        assert!(check(&json!({})).tls.is_none());
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn tls_needs_its_feature() {
        for given in [json!({"ca_cert": "ca.pem"}), json!({"endpoints": "https://h"})] {
            let error = parse(&given).and_then(EtcdOptions::check).err().unwrap().to_string();
            assert!(error.contains("the feature `tls` of `apscheduler`"), "{error}");
        }
    }

    #[test]
    fn errors_name_the_option() {
        let cases = [
            (json!({"paths": "x"}), "did you mean `path`?"),
            (json!({"path": ""}), "path: must not be empty"),
            (json!({"path": "/"}), "path: must not be empty"),
            (json!({"host": "ann:secret@h"}), "host: expected only the name of a host"),
            (json!({"host": "http://h/secret"}), "a URL belongs in `endpoints`"),
            (
                json!({"endpoints": "http://ann:secret@h"}),
                "endpoints: expected `http://host[:port]`",
            ),
            (json!({"endpoints": ["http://h/secret"]}), "endpoints: expected `http://host[:port]`"),
            (json!({"endpoints": ["ftp://h"]}), "endpoints: expected `http://host[:port]`"),
            (json!({"endpoints": ["h:port"]}), "endpoints: expected `http://host[:port]`"),
            (json!({"endpoints": 7}), "endpoints: expected"),
            (json!({"user": "ann"}), "password: is missing"),
            (json!({"password": "secret"}), "user: is missing"),
            (json!({"timeout": 0}), "timeout: expected 0.001 to 2147483 seconds, found 0"),
            (json!({"endpoints": "http://h", "ca_cert": "ca.pem"}), "ca_cert: needs TLS"),
        ];
        for (given, expected) in cases {
            let error = parse(&given).and_then(EtcdOptions::check).err().unwrap().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[cfg(feature = "tls")]
    #[test]
    fn errors_about_tls_name_the_option() {
        let cases = [
            (json!({"endpoints": "http://a, https://b"}), "endpoints: all must be `http://`"),
            (
                json!({"endpoints": "https://h", "cert_key": "key.pem"}),
                "cert_cert: needs `cert_key`",
            ),
        ];
        for (given, expected) in cases {
            let error = parse(&given).and_then(EtcdOptions::check).err().unwrap().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn debug_hides_secrets() {
        let options = EtcdOptions::default().login("ann", "secret").host("ann:secret@h");
        let options = options.endpoints(["http://ann:secret@h"]);
        assert!(!format!("{options:?}").contains("secret"));
    }
}
