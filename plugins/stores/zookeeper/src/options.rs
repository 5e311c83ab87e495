//! The options of the ZooKeeper store.

use std::fmt;
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::options::{self, Options, Seconds};
use serde::Deserialize;

use crate::address::{self, Config, Login};
use crate::names::STORE_NAME;

/// The options of the ZooKeeper store, with the names that they have in APScheduler and in kazoo.
///
/// # Examples
/// ```
/// use apscheduler_store_zookeeper::{ZooKeeperJobStore, ZooKeeperOptions};
///
/// let options = ZooKeeperOptions::default().hosts("zoo1:2181,zoo2:2181").path("/shop/jobs");
/// let store = ZooKeeperJobStore::with_options(options)?;
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ZooKeeperOptions {
    /// `zookeeper://[user:password@]host[:port][,host[:port]...][/path]`. Its parts take precedence over the other options.
    pub url: Option<String>,
    /// The node below which everything is kept. Default: `/apscheduler`. Applications that share a server must differ in it.
    pub path: String,
    /// The servers of the ensemble, as `host[:port][,host[:port]...]`. Default: `localhost:2181`.
    pub hosts: String,
    /// The user to log in as, with the scheme `digest`. The nodes are then created for this user alone.
    pub username: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// Logins with any scheme, as `[["digest", "user:password"]]`, in place of `username` and `password`.
    pub auth_data: Vec<(String, String)>,
    /// How long connecting and each call may take, and how long the server keeps a session that is silent. Default: 10
    /// seconds.
    pub timeout: Seconds,
}

impl Default for ZooKeeperOptions {
    fn default() -> Self {
        Self {
            url: None,
            path: "/apscheduler".to_owned(),
            hosts: "localhost:2181".to_owned(),
            username: None,
            password: None,
            auth_data: Vec::new(),
            timeout: Seconds(10.0),
        }
    }
}

impl ZooKeeperOptions {
    /// Reads the options of a config. [`with_options`](crate::ZooKeeperJobStore::with_options) checks them.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) that names the key, but shows no password.
    pub fn parse(given: &Options) -> Result<Self> {
        options::parse(STORE_NAME, given)
    }

    /// Sets the URL.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// Sets the node below which everything is kept.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Sets the servers of the ensemble, as `host[:port][,host[:port]...]`.
    pub fn hosts(mut self, hosts: impl Into<String>) -> Self {
        self.hosts = hosts.into();
        self
    }

    /// Sets the user to log in as, and the password.
    pub fn login(mut self, username: impl Into<String>, password: impl Into<String>) -> Self {
        (self.username, self.password) = (Some(username.into()), Some(password.into()));
        self
    }

    /// Adds a login with another scheme than `digest`.
    pub fn auth(mut self, scheme: impl Into<String>, credential: impl Into<String>) -> Self {
        self.auth_data.push((scheme.into(), credential.into()));
        self
    }

    /// Sets how long connecting and each call may take, and how long the server keeps a session that is silent.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.into();
        self
    }

    /// Returns the checked options.
    pub(crate) fn check(self) -> Result<Config> {
        let timeout = self.timeout.check(&format!("{STORE_NAME}: timeout"), 0.5)?;
        let (mut hosts, mut path) = (self.hosts, self.path);
        let mut login = (self.username, self.password);
        if let Some(url) = &self.url {
            let url = address::parse_url(url)?;
            hosts = url.hosts;
            path = url.path.unwrap_or(path);
            if url.login.is_some() {
                login =
                    url.login.map(|(user, password)| (Some(user), password)).unwrap_or_default();
            }
        }
        let mut logins: Vec<Login> = self.auth_data.into_iter().map(Login::from).collect();
        match login {
            (Some(user), password) => logins.push(Login::digest(&user, password)),
            (None, Some(_)) => return Err(address::invalid("password: needs `username`")),
            (None, None) => {}
        }
        Config::new(&hosts, &path, logins, timeout)
    }
}

impl fmt::Debug for ZooKeeperOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = |secret: &Option<String>| secret.as_ref().map(|_| "(hidden)");
        let hosts = if self.hosts.contains('@') { "(hidden)" } else { &self.hosts };
        f.debug_struct("ZooKeeperOptions")
            .field("url", &hidden(&self.url))
            .field("path", &self.path)
            .field("hosts", &hosts)
            .field("username", &self.username)
            .field("password", &hidden(&self.password))
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(value: &Value) -> Result<ZooKeeperOptions> {
        ZooKeeperOptions::parse(value.as_object().unwrap())
    }

    fn check(value: &Value) -> Config {
        parse(value).unwrap().check().unwrap()
    }

    #[test]
    fn the_defaults_are_those_of_apscheduler() {
        let config = check(&json!({}));
        assert_eq!((&*config.hosts, &*config.path), ("localhost:2181", "/apscheduler"));
        assert_eq!((config.timeout, config.logins.len()), (Duration::from_secs(10), 0));
    }

    #[test]
    fn a_url_takes_precedence() {
        let given =
            json!({"url": "zookeeper://ann:se%2Fcret@a,[::1]:7000/shop/jobs", "path": "/x"});
        let config = check(&given);
        assert_eq!((&*config.hosts, &*config.path), ("a:2181,[::1]:7000", "/shop/jobs"));
        assert_eq!(config.logins, [Login::from(("digest".into(), "ann:se/cret".into()))]);
        assert_eq!(config.address.shown, "zookeeper://a:2181,[::1]:7000");
        assert!(!format!("{:?}", parse(&given).unwrap()).contains("cret"));
        let config = check(&json!({"url": "zookeeper://h:1", "path": "/x", "username": "bob"}));
        assert_eq!((&*config.hosts, &*config.path, config.logins.len()), ("h:1", "/x", 1));
    }

    #[test]
    fn hosts_may_have_a_chroot() {
        let config = check(&json!({"hosts": "a,b:1/root", "auth_data": [["digest", "a:b"]]}));
        assert_eq!((&*config.hosts, &*config.path), ("a:2181,b:1", "/root/apscheduler"));
        assert_eq!(config.logins.len(), 1);
    }

    #[test]
    fn errors_name_the_option() {
        let cases = [
            (json!({"pat": "x"}), "did you mean `path`?"),
            (json!({"path": ""}), "path: must not be empty"),
            (json!({"path": "a"}), "path: expected a path such as `/apscheduler`, found `a`"),
            (json!({"path": "/a/"}), "path: expected a path such as"),
            (json!({"path": "/a/../b"}), "path: expected a path such as"),
            (json!({"path": "/zookeeper"}), "path: `/zookeeper` belongs to the server"),
            (json!({"hosts": ""}), "hosts: expected `host[:port]"),
            (json!({"hosts": "a,,b"}), "hosts: expected `host[:port]"),
            (json!({"hosts": "ann:secret@h"}), "hosts: expected `host[:port]"),
            (json!({"timeout": 0}), "timeout: expected 0.5 to"),
            (json!({"password": "secret"}), "password: needs `username`"),
            (json!({"url": "http://ann:secret@h"}), "url: expected `zookeeper://"),
        ];
        for (given, expected) in cases {
            let error = parse(&given).and_then(ZooKeeperOptions::check).err().unwrap().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
