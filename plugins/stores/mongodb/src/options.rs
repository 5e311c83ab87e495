//! The options of the MongoDB store.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use apscheduler_core::options::{self, Options, Seconds};
use apscheduler_core::{Error, ErrorKind, Result};
use mongodb::options::{
    ClientOptions, ConnectionString, Credential, HostInfo, ReadPreference, SelectionCriteria,
    ServerAddress, Tls, TlsOptions, WriteConcern,
};
use serde::Deserialize;

use crate::failure::Address;
use crate::names::{META_COLLECTION, STORE_NAME};

/// How long connecting may take, unless an option or the URL sets it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The options of the MongoDB store, with the names that they have in APScheduler and in pymongo.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use apscheduler_store_mongodb::{MongoDbJobStore, MongoDbOptions};
///
/// let options = MongoDbOptions::default()
///     .host("db.example.org")
///     .database("shop")
///     .timeout(Duration::from_secs(10));
/// let store = MongoDbJobStore::with_options(options)?;
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct MongoDbOptions {
    /// `mongodb://[user:password@]host[:port][/?options]`, or `mongodb+srv://...`. It takes precedence over `host` and
    /// `port`, and may set what has no option here, such as `replicaSet`.
    pub url: Option<String>,
    /// The database. Default: `apscheduler`.
    pub database: String,
    /// The collection that holds the jobs. Default: `jobs`. Applications that share a server must differ in this or in
    /// `database`.
    pub collection: String,
    /// The host of the server, or a URL. Default: `localhost`.
    pub host: String,
    /// The port of the server. Default: 27017.
    pub port: u16,
    /// The user to log in as.
    pub username: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// The database that defines the user. Default: `admin`.
    #[serde(rename = "authSource")]
    pub auth_source: Option<String>,
    /// Whether to connect with TLS. Default: as in the URL, else no.
    pub tls: bool,
    /// A PEM file with the certificates to trust, instead of the default ones.
    #[serde(rename = "tlsCAFile")]
    pub tls_ca_file: Option<PathBuf>,
    /// How many milliseconds connecting may take. Default: as in the URL, else 5000.
    #[serde(rename = "connectTimeoutMS")]
    pub connect_timeout_ms: Option<u64>,
    /// How many milliseconds selecting a server may take. Default: as in the URL, else 5000.
    #[serde(rename = "serverSelectionTimeoutMS")]
    pub server_selection_timeout_ms: Option<u64>,
    /// How many milliseconds a call may take in total. `socketTimeoutMS` is read as this too. Default: 30000.
    #[serde(rename = "timeoutMS", alias = "socketTimeoutMS")]
    pub timeout_ms: u64,
    /// How often to look for changes if the server has no change streams. Default: 1 second.
    pub poll_interval: Seconds,
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
            poll_interval: Seconds(1.0),
        }
    }
}

impl MongoDbOptions {
    /// Reads the options of a config. [`with_options`](crate::MongoDbJobStore::with_options) checks them.
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

    /// Sets the collection that holds the jobs.
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

    /// Sets the database that defines the user.
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

    /// Sets how long connecting may take, to the millisecond.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout_ms = Some(milliseconds(timeout));
        self
    }

    /// Sets how long selecting a server may take, to the millisecond.
    pub fn server_selection_timeout(mut self, timeout: Duration) -> Self {
        self.server_selection_timeout_ms = Some(milliseconds(timeout));
        self
    }

    /// Sets how long a call may take in total, to the millisecond.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout_ms = milliseconds(timeout);
        self
    }

    /// Sets how often to look for changes if the server has no change streams.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval.into();
        self
    }

    /// Returns the checked options.
    pub(crate) fn check(self) -> Result<Config> {
        check_name("database", &self.database, "/\\. \"$\0")?;
        check_name("collection", &self.collection, "$\0")?;
        if self.collection == META_COLLECTION {
            return Err(config_error(format!(
                "collection: `{META_COLLECTION}` holds the schema versions"
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
        let poll_interval = Duration::try_from_secs_f64(self.poll_interval.0)
            .ok()
            .filter(|interval| !interval.is_zero())
            .ok_or_else(|| {
                config_error(format!(
                    "poll_interval: expected seconds above 0, found {}",
                    self.poll_interval.0
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
            // Neither the URL nor the driver's error is shown, because they may hold a password.
            config_error("url: expected `mongodb://[user:password@]host[:port][/?options]`".into())
        })?;
        let password = self
            .password
            .clone()
            .or_else(|| parsed.credential.as_ref().and_then(|login| login.password.clone()));
        let address = Address { shown: shown(&parsed.host_info), password };
        let timeout = Duration::from_millis(self.timeout_ms);
        Ok(Config { url, address, timeout, poll_interval, options: self })
    }

    fn apply(&self, client: &mut ClientOptions) {
        client.app_name.get_or_insert_with(|| "apscheduler".to_owned());
        let or_url = |given: Option<u64>, url: Option<Duration>| {
            given.map(Duration::from_millis).or(url).unwrap_or(CONNECT_TIMEOUT)
        };
        client.connect_timeout = Some(or_url(self.connect_timeout_ms, client.connect_timeout));
        client.server_selection_timeout =
            Some(or_url(self.server_selection_timeout_ms, client.server_selection_timeout));
        client.write_concern.get_or_insert_with(WriteConcern::majority);
        // The latest writes of others must be seen.
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

/// The checked options.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) url: String,
    pub(crate) address: Address,
    pub(crate) timeout: Duration,
    pub(crate) poll_interval: Duration,
    options: MongoDbOptions,
}

impl Config {
    pub(crate) fn database(&self) -> &str {
        &self.options.database
    }

    pub(crate) fn collection(&self) -> &str {
        &self.options.collection
    }

    /// Sets the options of the driver, which hold those of the URL.
    pub(crate) fn apply(&self, client: &mut ClientOptions) {
        self.options.apply(client);
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn config_error(message: String) -> Error {
    Error::new(ErrorKind::Config, message).with_context(STORE_NAME)
}

/// Refuses names that MongoDB does not allow.
fn check_name(key: &str, name: &str, forbidden: &str) -> Result<()> {
    if name.is_empty() {
        return Err(config_error(format!("{key}: must not be empty")));
    }
    match name.chars().find(|character| forbidden.contains(*character)) {
        Some(character) => Err(config_error(format!("{key}: a name can't contain {character:?}"))),
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
        parse(value).unwrap().check().unwrap().address.shown
    }

    #[test]
    fn the_defaults_are_those_of_apscheduler() {
        let options = parse(&json!({})).unwrap();
        assert_eq!((&*options.database, &*options.collection), ("apscheduler", "jobs"));
        assert_eq!(address_of(&json!({})), "mongodb://localhost:27017");
    }

    #[test]
    fn timeouts_have_pymongos_names() {
        let options = parse(&json!({"socketTimeoutMS": "700", "serverSelectionTimeoutMS": 900}));
        let options = options.unwrap();
        assert_eq!(options.timeout_ms, 700);
        let mut client = ClientOptions::builder().hosts(Vec::new()).build();
        client.connect_timeout = Some(Duration::from_secs(2));
        options.apply(&mut client);
        assert_eq!(client.connect_timeout, Some(Duration::from_secs(2)), "as in the URL");
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
    fn errors_name_the_option() {
        let cases = [
            (json!({"collections": "x"}), "did you mean `collection`?"),
            (json!({"database": ""}), "database: must not be empty"),
            (json!({"poll_interval": 0}), "poll_interval: expected seconds above 0, found 0"),
            (json!({"timeoutMS": 0}), "timeoutMS: expected at least 1, found 0"),
            (json!({"collection": "apscheduler_meta"}), "holds the schema versions"),
            (json!({"collection": "a$b"}), "collection: a name can't contain '$'"),
            (json!({"database": "a.b"}), "database: a name can't contain '.'"),
            (json!({"url": "http://ann:secret@h"}), "url: expected `mongodb://"),
            (json!({"password": "secret"}), "password: needs `username`"),
            (json!({"host": "ann:secret@h"}), "host: expected the name of a host, or a URL"),
        ];
        for (given, expected) in cases {
            let error = parse(&given).and_then(MongoDbOptions::check).err().unwrap().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
