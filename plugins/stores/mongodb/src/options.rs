//! The options of the MongoDB store.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use apscheduler_core::options::{self, Options};
use apscheduler_core::{Error, ErrorKind, Result};
use mongodb::options::{
    ClientOptions, ConnectionString, Credential, HostInfo, ReadPreference, SelectionCriteria,
    ServerAddress, Tls, TlsOptions, WriteConcern,
};
use serde::Deserialize;

use crate::WHAT;
use crate::failure::Address;
use crate::schema::META_COLLECTION;

/// How long to try to connect, where neither an option nor the URL says.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The options of the MongoDB store, with the names that they have in APScheduler and in pymongo.
///
/// # Examples
/// ```
/// use apscheduler_store_mongodb::{MongoDbJobStore, MongoDbOptions};
///
/// let options = MongoDbOptions::default().host("db.example.org").database("shop").poll_interval(0.5);
/// let store = MongoDbJobStore::with_options(options)?;
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct MongoDbOptions {
    /// `mongodb://[user:password@]host[:port][/?options]`, or `mongodb+srv://...`. It goes before `host` and `port`. What
    /// has no option here, such as `replicaSet`, stands in it.
    pub url: Option<String>,
    /// The database. Default: `apscheduler`.
    pub database: String,
    /// The collection that keeps the jobs. Default: `jobs`. Applications with different ones share a server.
    pub collection: String,
    /// The host of the server, or a URL. Default: `localhost`.
    pub host: String,
    /// The port of the server. Default: 27017.
    pub port: u16,
    /// The user to log in as.
    pub username: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// The database that knows the user. Default: `admin`.
    #[serde(rename = "authSource")]
    pub auth_source: Option<String>,
    /// Whether to connect with TLS. Default: what the URL says, else no.
    pub tls: bool,
    /// A PEM file with the certificates to trust, in place of the usual ones.
    #[serde(rename = "tlsCAFile")]
    pub tls_ca_file: Option<PathBuf>,
    /// How many milliseconds to wait until a connection stands. Default: what the URL says, else 5000.
    #[serde(rename = "connectTimeoutMS")]
    pub connect_timeout_ms: Option<u64>,
    /// How many milliseconds to look for a server that takes the call. Default: what the URL says, else 5000.
    #[serde(rename = "serverSelectionTimeoutMS")]
    pub server_selection_timeout_ms: Option<u64>,
    /// How many milliseconds a call may take in all. `socketTimeoutMS` is read as this too. Default: 30000.
    #[serde(rename = "timeoutMS", alias = "socketTimeoutMS")]
    pub timeout_ms: u64,
    /// How often to look for changes, in seconds, where the server has no change streams. Default: 1.
    pub poll_interval: f64,
}

impl Default for MongoDbOptions {
    fn default() -> Self {
        Self {
            url: None,
            database: "apscheduler".to_owned(),
            collection: "jobs".to_owned(),
            host: "localhost".to_owned(),
            port: 27017,
            username: None,
            password: None,
            auth_source: None,
            tls: false,
            tls_ca_file: None,
            connect_timeout_ms: None,
            server_selection_timeout_ms: None,
            timeout_ms: 30_000,
            poll_interval: 1.0,
        }
    }
}

impl MongoDbOptions {
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

    /// Sets the database.
    pub fn database(mut self, database: impl Into<String>) -> Self {
        self.database = database.into();
        self
    }

    /// Sets the collection that keeps the jobs.
    pub fn collection(mut self, collection: impl Into<String>) -> Self {
        self.collection = collection.into();
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
    pub fn login(mut self, username: impl Into<String>, password: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self.password = Some(password.into());
        self
    }

    /// Sets the database that knows the user.
    pub fn auth_source(mut self, auth_source: impl Into<String>) -> Self {
        self.auth_source = Some(auth_source.into());
        self
    }

    /// Sets the PEM file with the certificates to trust.
    pub fn tls_ca_file(mut self, tls_ca_file: impl Into<PathBuf>) -> Self {
        self.tls_ca_file = Some(tls_ca_file.into());
        self
    }

    /// Sets whether to connect with TLS.
    pub fn tls(mut self, tls: bool) -> Self {
        self.tls = tls;
        self
    }

    /// Sets how many milliseconds to wait until a connection stands.
    pub fn connect_timeout_ms(mut self, milliseconds: u64) -> Self {
        self.connect_timeout_ms = Some(milliseconds);
        self
    }

    /// Sets how many milliseconds to look for a server that takes the call.
    pub fn server_selection_timeout_ms(mut self, milliseconds: u64) -> Self {
        self.server_selection_timeout_ms = Some(milliseconds);
        self
    }

    /// Sets how many milliseconds a call may take in all.
    pub fn timeout_ms(mut self, milliseconds: u64) -> Self {
        self.timeout_ms = milliseconds;
        self
    }

    /// Sets how often to look for changes, in seconds, where the server has no change streams.
    pub fn poll_interval(mut self, seconds: f64) -> Self {
        self.poll_interval = seconds;
        self
    }

    /// What the options come to.
    pub(crate) fn resolve(&self) -> Result<Target> {
        check_name("database", &self.database, "/\\. \"$\0")?;
        check_name("collection", &self.collection, "$\0")?;
        if self.collection == META_COLLECTION {
            return Err(config_error(format!(
                "collection: `{META_COLLECTION}` is for the versions of collections"
            )));
        }
        let timeouts = [
            ("connectTimeoutMS", self.connect_timeout_ms),
            ("serverSelectionTimeoutMS", self.server_selection_timeout_ms),
            ("timeoutMS", Some(self.timeout_ms)),
        ];
        if let Some((key, _)) = timeouts.iter().find(|(_, milliseconds)| *milliseconds == Some(0)) {
            return Err(config_error(format!("{key}: expected at least 1, found 0")));
        }
        let poll_interval = Duration::try_from_secs_f64(self.poll_interval)
            .ok()
            .filter(|interval| !interval.is_zero())
            .ok_or_else(|| {
                config_error(format!(
                    "poll_interval: expected seconds above 0, found {}",
                    self.poll_interval
                ))
            })?;
        if self.password.is_some() && self.username.is_none() {
            return Err(config_error("password: needs `username`".into()));
        }
        let url = match &self.url {
            Some(url) => url.clone(),
            None if self.host.contains("://") => self.host.clone(),
            None if self.host.contains(['@', '/']) => {
                let message = "host: expected the name of a host, or a URL with `mongodb://`";
                return Err(config_error(message.into()));
            }
            None => format!("mongodb://{}:{}/", bracketed(&self.host), self.port),
        };
        let parsed = ConnectionString::parse(&url).map_err(|_| {
            // Neither the URL nor what the driver says of it is repeated: there may be a password in it.
            config_error("url: expected `mongodb://[user:password@]host[:port][/?options]`".into())
        })?;
        let password = self
            .password
            .clone()
            .or_else(|| parsed.credential.as_ref().and_then(|login| login.password.clone()));
        let address = Address { shown: shown(&parsed.host_info), password };
        let timeout = Duration::from_millis(self.timeout_ms);
        Ok(Target { url, address, timeout, poll_interval })
    }

    /// Sets up the driver.
    pub(crate) fn apply(&self, client: &mut ClientOptions) {
        client.app_name.get_or_insert_with(|| "apscheduler".to_owned());
        let or_url = |given: Option<u64>, url: Option<Duration>| {
            given.map(Duration::from_millis).or(url).unwrap_or(CONNECT_TIMEOUT)
        };
        client.connect_timeout = Some(or_url(self.connect_timeout_ms, client.connect_timeout));
        client.server_selection_timeout =
            Some(or_url(self.server_selection_timeout_ms, client.server_selection_timeout));
        client.write_concern.get_or_insert_with(WriteConcern::majority);
        // What others wrote last must be seen.
        client.selection_criteria =
            Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
        if let Some(username) = &self.username {
            let mut login = client.credential.take().unwrap_or_default();
            login.username = Some(username.clone());
            login.password.clone_from(&self.password);
            client.credential = Some(login);
        }
        if let Some(source) = &self.auth_source {
            let login: &mut Credential = client.credential.get_or_insert_default();
            login.source = Some(source.clone());
        }
        if self.tls || self.tls_ca_file.is_some() {
            let mut tls = match client.tls.take() {
                Some(Tls::Enabled(tls)) => tls,
                _ => TlsOptions::default(),
            };
            if let Some(path) = &self.tls_ca_file {
                tls.ca_file_path = Some(path.clone());
            }
            client.tls = Some(Tls::Enabled(tls));
        }
    }
}

/// Where to connect.
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) address: Address,
    pub(crate) timeout: Duration,
    pub(crate) poll_interval: Duration,
}

fn config_error(message: String) -> Error {
    Error::new(ErrorKind::Config, message).with_context(WHAT)
}

/// What MongoDB takes for a name.
fn check_name(key: &str, name: &str, forbidden: &str) -> Result<()> {
    if name.is_empty() {
        return Err(config_error(format!("{key}: must not be empty")));
    }
    match name.chars().find(|character| forbidden.contains(*character)) {
        Some(character) => Err(config_error(format!("{key}: {character:?} can't stand in a name"))),
        None => Ok(()),
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() }
}

fn host_text(server: &ServerAddress) -> String {
    match server {
        ServerAddress::Tcp { host, port } => {
            format!("{}:{}", bracketed(host), port.unwrap_or(27017))
        }
        other => other.to_string(),
    }
}

fn shown(hosts: &HostInfo) -> String {
    match hosts {
        HostInfo::HostIdentifiers(hosts) => {
            let hosts: Vec<String> = hosts.iter().map(host_text).collect();
            format!("mongodb://{}", hosts.join(","))
        }
        HostInfo::DnsRecord(name) => format!("mongodb+srv://{name}"),
        _ => "mongodb://".to_owned(),
    }
}

impl fmt::Debug for MongoDbOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = |secret: &Option<String>| secret.as_ref().map(|_| "(hidden)");
        let host = if self.host.contains(['@', '/']) { "(hidden)" } else { &self.host };
        f.debug_struct("MongoDbOptions")
            .field("url", &hidden(&self.url))
            .field("database", &self.database)
            .field("collection", &self.collection)
            .field("host", &host)
            .field("port", &self.port)
            .field("username", &self.username)
            .field("password", &hidden(&self.password))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(value: &Value) -> Result<MongoDbOptions> {
        MongoDbOptions::parse(value.as_object().unwrap())
    }

    fn address_of(value: &Value) -> String {
        parse(value).unwrap().resolve().unwrap().address.shown
    }

    #[test]
    fn the_defaults_are_those_of_apscheduler() {
        let options = parse(&json!({})).unwrap();
        assert_eq!((&*options.database, &*options.collection), ("apscheduler", "jobs"));
        assert_eq!(address_of(&json!({})), "mongodb://localhost:27017");
    }

    #[test]
    fn timeouts_are_those_of_pymongo() {
        let options = parse(&json!({"socketTimeoutMS": "700", "serverSelectionTimeoutMS": 900}));
        let options = options.unwrap();
        assert_eq!(options.timeout_ms, 700);
        let mut client = ClientOptions::builder().hosts(Vec::new()).build();
        client.connect_timeout = Some(Duration::from_secs(2));
        options.apply(&mut client);
        assert_eq!(client.connect_timeout, Some(Duration::from_secs(2)), "as the URL says");
        assert_eq!(client.server_selection_timeout, Some(Duration::from_millis(900)));
    }

    #[test]
    fn addresses_have_no_password() {
        let cases = [
            (json!({"host": "h", "port": "7000"}), "mongodb://h:7000"),
            (json!({"host": "::1"}), "mongodb://[::1]:27017"),
            (json!({"host": "mongodb://ann:secret@h:1"}), "mongodb://h:1"),
            (json!({"url": "mongodb://ann:secret@a:1,b:2/?replicaSet=r"}), "mongodb://a:1,b:2"),
            (
                json!({"url": "mongodb+srv://ann:secret@h.example.org"}),
                "mongodb+srv://h.example.org",
            ),
        ];
        for (given, expected) in cases {
            assert_eq!(address_of(&given), expected);
            assert!(!format!("{:?}", parse(&given).unwrap()).contains("secret"));
        }
    }

    #[test]
    fn mistakes_are_named() {
        let cases = [
            (json!({"collections": "x"}), "did you mean `collection`?"),
            (json!({"database": ""}), "database: must not be empty"),
            (json!({"poll_interval": 0}), "poll_interval: expected seconds above 0, found 0"),
            (json!({"timeoutMS": 0}), "timeoutMS: expected at least 1, found 0"),
            (json!({"collection": "apscheduler_meta"}), "is for the versions of collections"),
            (json!({"collection": "a$b"}), "collection: '$' can't stand in a name"),
            (json!({"database": "a.b"}), "database: '.' can't stand in a name"),
            (json!({"url": "http://ann:secret@h"}), "url: expected `mongodb://"),
            (json!({"password": "secret"}), "password: needs `username`"),
            (json!({"host": "ann:secret@h"}), "host: expected the name of a host, or a URL"),
        ];
        for (given, expected) in cases {
            let error = parse(&given).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
