//! Connections to the server: made when they are needed, kept for the next call, and given up when they break.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use apscheduler_core::{Error, ErrorKind, Result};
use redis::{
    Client, Cmd, Connection, ConnectionAddr, ConnectionLike as _, RedisError, RedisResult, Value,
};

use crate::WHAT;
use crate::options::{RedisOptions, Target};
use crate::script::Script;

/// How many connections are kept while nobody needs them.
const KEPT: usize = 8;

/// A connection that lay idle for so long is asked whether it still stands, before something is written through it.
const DOUBTFUL: Duration = Duration::from_secs(1);

/// What the server says when it refuses for now.
const PASSING: [&str; 9] = [
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

/// What our scripts say where the keys are gone.
const GONE: &str = "GONE";

/// What the server says to those that it does not let in.
const REFUSED: [&str; 3] = ["WRONGPASS", "NOAUTH", "NOPERM"];

/// Whether a call may be made again when the connection breaks and nobody knows whether the server ran it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It only reads.
    Allowed,
    /// It writes.
    Forbidden,
}

/// The connections to one server. Every call has one to itself.
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
    pub(crate) fn new(options: &RedisOptions, target: &Target) -> Result<Self> {
        let client = client(options, target).map_err(|error| {
            Error::new(ErrorKind::Config, "can't connect with these options")
                .with_plugin(WHAT)
                .with_source(Said(error.to_string()))
        })?;
        Ok(Self {
            client,
            address: target.address.clone(),
            password: target.info.redis_settings().password().map(str::to_owned),
            connect_timeout: target.connect_timeout,
            timeout: target.timeout,
            idle: Mutex::default(),
        })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a script.
    pub(crate) fn run(&self, script: &Script, call: &Cmd, repeat: Repeat) -> Result<Value> {
        self.ask(repeat, |connection| script.run(call, connection))
    }

    /// Sends a command.
    pub(crate) fn query(&self, command: &Cmd, repeat: Repeat) -> Result<Value> {
        self.ask(repeat, |connection| {
            connection.req_command(command).and_then(Value::extract_error)
        })
    }

    fn ask(
        &self,
        repeat: Repeat,
        ask: impl Fn(&mut Connection) -> RedisResult<Value>,
    ) -> Result<Value> {
        let (mut connection, is_fresh) = self.lease(repeat)?;
        let mut answer = ask(&mut connection);
        if let Err(error) = &answer
            && error.is_io_error()
        {
            // What broke one connection broke the others.
            self.close();
            if repeat == Repeat::Allowed && !is_fresh && !error.is_timeout() {
                connection = self.connect()?;
                answer = ask(&mut connection);
            }
        }
        let is_usable = answer.as_ref().err().is_none_or(|error| error.code().is_some());
        if is_usable {
            let mut idle = self.idle();
            if idle.len() < KEPT {
                idle.push(Idle { connection, since: Instant::now() });
            }
        }
        answer.map_err(|error| self.explain(&error))
    }

    /// A connection, and whether it was made just now.
    fn lease(&self, repeat: Repeat) -> Result<(Connection, bool)> {
        let idle = self.idle().pop();
        if let Some(Idle { mut connection, since }) = idle {
            let stands = repeat == Repeat::Allowed
                || since.elapsed() < DOUBTFUL
                || redis::cmd("PING").exec(&mut connection).is_ok();
            if stands {
                return Ok((connection, false));
            }
            self.close();
        }
        self.connect().map(|connection| (connection, true))
    }

    /// A new connection, which never waits longer than the options say.
    pub(crate) fn connect(&self) -> Result<Connection> {
        let connect = || {
            let connection = self.client.get_connection_with_timeout(self.connect_timeout)?;
            connection.set_read_timeout(Some(self.timeout))?;
            connection.set_write_timeout(Some(self.timeout))?;
            Ok(connection)
        };
        connect().map_err(|error: RedisError| {
            if is_refusal(&error) {
                return self.explain(&error);
            }
            let message = format!("can't reach the server at {}", self.address);
            self.error(ErrorKind::Unavailable, message, &error)
        })
    }

    /// Lets go of the connections that nobody uses.
    pub(crate) fn close(&self) {
        let idle = std::mem::take(&mut *self.idle());
        drop(idle);
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// What an error of the driver means.
    pub(crate) fn explain(&self, error: &RedisError) -> Error {
        let address = &self.address;
        if is_refusal(error) {
            let message = format!("the server at {address} refuses this user or password");
            return self.error(ErrorKind::Store, message, error);
        }
        if error.is_timeout() {
            let message = format!("the server at {address} does not answer");
            return self.error(ErrorKind::Unavailable, message, error);
        }
        let Some(code) = error.code() else {
            let message = format!("the connection to the server at {address} broke");
            return self.error(ErrorKind::Unavailable, message, error);
        };
        if code == GONE {
            let message = format!(
                "the keys of the jobs are gone from the server at {address}: it was emptied, or has lost its data"
            );
            return Error::new(ErrorKind::StoreReplaced, message).with_plugin(WHAT);
        }
        let text = error.to_string();
        // An error inside a script is told with a minus sign before it.
        let is_passing =
            PASSING.iter().any(|word| code == *word || text.contains(&format!("-{word} ")));
        if is_passing {
            let message = format!("the server at {address} refuses for now");
            return self.error(ErrorKind::Unavailable, message, error);
        }
        self.error(ErrorKind::Store, format!("the server at {address} refuses"), error)
    }

    /// The text of the cause is kept and not the cause: servers repeat what they do not understand, even passwords.
    fn error(&self, kind: ErrorKind, message: String, cause: &RedisError) -> Error {
        let mut text = cause.to_string();
        if let Some(password) = self.password.as_deref().filter(|password| !password.is_empty()) {
            text = text.replace(password, "(hidden)");
        }
        Error::new(kind, message).with_plugin(WHAT).with_source(Said(text))
    }
}

fn is_refusal(error: &RedisError) -> bool {
    error.kind() == redis::ErrorKind::AuthenticationFailed
        || error.code().is_some_and(|code| REFUSED.contains(&code))
}

#[cfg(feature = "tls")]
fn client(options: &RedisOptions, target: &Target) -> redis::RedisResult<Client> {
    if matches!(target.info.addr(), ConnectionAddr::TcpTls { .. }) {
        // The driver takes the one of the process, and panics where several are linked in and none was chosen.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Somebody else may have been faster, which is as good.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        if let Some(path) = &options.ssl_ca_certs {
            let root_cert = std::fs::read(path).map_err(|error| {
                redis::RedisError::from((
                    redis::ErrorKind::InvalidClientConfig,
                    "ssl_ca_certs",
                    format!("{}: {error}", path.display()),
                ))
            })?;
            let certificates =
                redis::TlsCertificates { client_tls: None, root_cert: Some(root_cert) };
            return Client::build_with_tls(target.info.clone(), certificates);
        }
    }
    Client::open(target.info.clone())
}

#[cfg(not(feature = "tls"))]
fn client(_options: &RedisOptions, target: &Target) -> redis::RedisResult<Client> {
    Client::open(target.info.clone())
}

/// What the driver or the server said.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Said(String);

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("address", &self.address).finish_non_exhaustive()
    }
}
