//! Connections to the server: opened when needed, kept for the next call, and dropped when they break.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_plugin_kit::store::CauseText;
use redis::{
    Client, Cmd, Connection, ConnectionLike as _, Pipeline, RedisError, RedisResult, Value,
};

use crate::names::STORE_NAME;
use crate::options::Config;
use crate::script::Script;

/// The most idle connections.
const MAX_IDLE: usize = 8;

/// A connection that was idle for this long is pinged before a write.
const PING_AFTER_IDLE: Duration = Duration::from_secs(1);

/// The codes of temporary errors.
const TEMPORARY: [&str; 9] = [
    "LOADING",
    "BUSY",
    "MASTERDOWN",
    "TRYAGAIN",
    "CLUSTERDOWN",
    "READONLY",
    "MISCONF",
    "NOREPLICAS",
    "OOM",
];

/// The code of our scripts if the keys are missing.
const GONE: &str = "GONE";

/// The codes of errors about the login or permissions.
const DENIED: [&str; 3] = ["WRONGPASS", "NOAUTH", "NOPERM"];

/// Whether a call may be repeated when the connection breaks and it is unknown whether the server executed it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It only reads.
    Allowed,
    /// It writes.
    Forbidden,
}

/// The connections to one server. Each call leases one.
pub(crate) struct Connections {
    client: Client,
    address: String,
    password: Option<String>,
    connect_timeout: Duration,
    timeout: Duration,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

impl Connections {
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let client = client(config).map_err(|error| {
            Error::new(ErrorKind::Config, "can't connect with these options")
                .with_plugin(STORE_NAME)
                .with_source(CauseText::new(error.to_string()))
        })?;
        Ok(Self {
            client,
            address: config.address.clone(),
            password: config.info.redis_settings().password().map(str::to_owned),
            connect_timeout: config.connect_timeout,
            timeout: config.timeout,
            idle: Mutex::default(),
        })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a script.
    pub(crate) fn run(&self, script: &Script, call: &Cmd, repeat: Repeat) -> Result<Value> {
        self.call(repeat, |connection| script.run(call, connection))
    }

    /// Sends a command.
    pub(crate) fn query(&self, command: &Cmd, repeat: Repeat) -> Result<Value> {
        self.call(repeat, |connection| {
            connection.req_command(command).and_then(Value::extract_error)
        })
    }

    /// Sends commands that only read, all at once.
    pub(crate) fn query_all(&self, commands: &Pipeline) -> Result<Vec<Value>> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        self.call(Repeat::Allowed, |connection| commands.query(connection))
    }

    fn call<T>(
        &self,
        repeat: Repeat,
        call: impl Fn(&mut Connection) -> RedisResult<T>,
    ) -> Result<T> {
        let (mut connection, is_fresh) = self.lease(repeat)?;
        let mut answer = call(&mut connection);
        if let Err(error) = &answer
            && error.is_io_error()
        {
            // The other connections are most likely broken too.
            self.close_idle();
            if repeat == Repeat::Allowed && !is_fresh && !error.is_timeout() {
                connection = self.connect()?;
                answer = call(&mut connection);
            }
        }
        let is_usable = answer.as_ref().err().is_none_or(|error| error.code().is_some());
        if is_usable {
            let mut idle = self.idle();
            if idle.len() < MAX_IDLE {
                idle.push(Idle { connection, since: Instant::now() });
            }
        }
        answer.map_err(|error| self.explain(&error))
    }

    /// Leases a connection. Returns whether it is new.
    fn lease(&self, repeat: Repeat) -> Result<(Connection, bool)> {
        let idle = self.idle().pop();
        if let Some(Idle { mut connection, since }) = idle {
            let is_alive = repeat == Repeat::Allowed
                || since.elapsed() < PING_AFTER_IDLE
                || redis::cmd("PING").exec(&mut connection).is_ok();
            if is_alive {
                return Ok((connection, false));
            }
            self.close_idle();
        }
        self.connect().map(|connection| (connection, true))
    }

    /// Opens a connection with the timeouts of the options.
    pub(crate) fn connect(&self) -> Result<Connection> {
        let connect = || {
            let connection = self.client.get_connection_with_timeout(self.connect_timeout)?;
            connection.set_read_timeout(Some(self.timeout))?;
            connection.set_write_timeout(Some(self.timeout))?;
            Ok(connection)
        };
        connect().map_err(|error: RedisError| {
            if is_denied(&error) {
                return self.explain(&error);
            }
            let message = format!("can't reach the server at {}", self.address);
            self.error(ErrorKind::Unavailable, message, &error)
        })
    }

    /// Closes the idle connections.
    pub(crate) fn close_idle(&self) {
        let idle = std::mem::take(&mut *self.idle());
        drop(idle);
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Converts an error of the driver.
    pub(crate) fn explain(&self, error: &RedisError) -> Error {
        let address = &self.address;
        if is_denied(error) {
            let message = format!("the server at {address} refused this user or password");
            return self.error(ErrorKind::Store, message, error);
        }
        if error.is_timeout() {
            let message = format!("the server at {address} did not answer in time");
            return self.error(ErrorKind::Unavailable, message, error);
        }
        let Some(code) = error.code() else {
            let message = format!("the connection to the server at {address} was lost");
            return self.error(ErrorKind::Unavailable, message, error);
        };
        if code == GONE {
            let message = format!(
                "the keys of the jobs are missing on the server at {address}: it was emptied, or has lost its data"
            );
            return Error::new(ErrorKind::StoreReplaced, message).with_plugin(STORE_NAME);
        }
        let text = error.to_string();
        // The code of an error inside a script has a minus sign before it.
        let is_temporary =
            TEMPORARY.iter().any(|word| code == *word || text.contains(&format!("-{word} ")));
        if is_temporary {
            let message = format!("the server at {address} temporarily refused the call");
            return self.error(ErrorKind::Unavailable, message, error);
        }
        self.error(ErrorKind::Store, format!("the server at {address} refused the call"), error)
    }

    fn error(&self, kind: ErrorKind, message: String, cause: &RedisError) -> Error {
        let text = CauseText::new(cause.to_string()).hide(self.password.as_deref());
        Error::new(kind, message).with_plugin(STORE_NAME).with_source(text)
    }
}

fn is_denied(error: &RedisError) -> bool {
    error.kind() == redis::ErrorKind::AuthenticationFailed
        || error.code().is_some_and(|code| DENIED.contains(&code))
}

#[cfg(feature = "tls")]
fn client(config: &Config) -> redis::RedisResult<Client> {
    if matches!(config.info.addr(), redis::ConnectionAddr::TcpTls { .. }) {
        // The driver uses the provider of the process, and panics if several are linked and none is installed.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Another thread may have installed one meanwhile, which is fine.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        if let Some(path) = &config.ssl_ca_certs {
            let root_cert = std::fs::read(path).map_err(|error| {
                redis::RedisError::from((
                    redis::ErrorKind::InvalidClientConfig,
                    "ssl_ca_certs",
                    format!("{}: {error}", path.display()),
                ))
            })?;
            let certificates =
                redis::TlsCertificates { client_tls: None, root_cert: Some(root_cert) };
            return Client::build_with_tls(config.info.clone(), certificates);
        }
    }
    Client::open(config.info.clone())
}

#[cfg(not(feature = "tls"))]
fn client(config: &Config) -> redis::RedisResult<Client> {
    Client::open(config.info.clone())
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("address", &self.address).finish_non_exhaustive()
    }
}
