//! Connections to the server.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_plugin_kit::store::Connector;
use mysql::{Conn, Opts};

use crate::failure::{connect_timed_out, no_connection};
use crate::names::STORE_NAME;
use crate::sockets::{Registered, Sockets};

/// A connection that was idle for longer is pinged before use.
const PING_AFTER_IDLE: Duration = Duration::from_secs(1);

/// How often a call that waits for a connection checks whether the store was shut down.
const TICK: Duration = Duration::from_millis(50);

/// The server, and the login.
pub(crate) struct Server {
    options: Opts,
    /// The address for messages.
    address: String,
    connect_timeout: Duration,
    sockets: Arc<Sockets>,
}

impl Server {
    pub(crate) fn new(options: Opts, address: String, connect_timeout: Duration) -> Self {
        Self { options, address, connect_timeout, sockets: Arc::default() }
    }

    /// Closes all connections, also during a call, and ends all attempts to connect.
    pub(crate) fn close_all(&self) {
        self.sockets.close_all();
    }
}

/// A connection that [`Server::close_all`] can close.
pub(crate) struct Connection {
    connection: Conn,
    _socket: Registered,
}

impl Deref for Connection {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.connection
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.connection
    }
}

impl Connector for Server {
    type Connection = Connection;

    /// Connects in a thread of its own: the driver's timeout for the handshake is that for the answer to a statement.
    fn connect(&self) -> Result<Connection> {
        let options = self.options.clone();
        let (sender, receiver) = mpsc::sync_channel(1);
        let thread = std::thread::Builder::new().name("apscheduler-connect".to_owned());
        let started = thread.spawn(move || {
            // The caller may have given up.
            let _ = sender.send(Conn::new(options));
        });
        started.map_err(|error| {
            Error::new(ErrorKind::Other, "can't start a thread to connect").with_source(error)
        })?;
        let start = Instant::now();
        let connected = loop {
            match receiver.recv_timeout(TICK) {
                Ok(connected) => break connected,
                _ if self.sockets.are_closed() => return Err(shut_down()),
                Err(RecvTimeoutError::Timeout) if start.elapsed() < self.connect_timeout => {}
                Err(_) => return Err(connect_timed_out(&self.address)),
            }
        };
        let connection = connected.map_err(|error| no_connection(&self.address, error))?;
        let socket = self.sockets.register(&connection).ok_or_else(shut_down)?;
        Ok(Connection { connection, _socket: socket })
    }

    fn address(&self) -> &str {
        &self.address
    }

    fn is_alive(&self, connection: &mut Connection, idle: Duration) -> bool {
        idle <= PING_AFTER_IDLE || connection.ping().is_ok()
    }
}

/// The error of a call that waits for a connection while the store is shut down.
fn shut_down() -> Error {
    apscheduler_plugin_kit::store::shut_down().with_plugin(STORE_NAME)
}
