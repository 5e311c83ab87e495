//! Connections to the server, and statements in SQL.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_plugin_kit::store::Connector;
use mysql::prelude::Queryable as _;
use mysql::{Conn, Opts, Row, Value};

use crate::failure::{Failure, connect_timed_out, no_connection};
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

/// The server's answer to one statement.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) rows: Vec<Row>,
}

/// Sends several statements at once, and returns the answers. The server stops at the first statement that fails.
pub(crate) fn answers(connection: &mut Conn, statements: &str) -> Result<Vec<Answer>, Failure> {
    let mut result = connection.query_iter(statements)?;
    let mut answers = Vec::new();
    // Dropping the result would ignore errors of all statements but the first.
    while let Some(set) = result.iter() {
        answers.push(Answer { rows: set.collect::<Result<_, _>>()? });
    }
    Ok(answers)
}

/// Quotes text for SQL. Sessions use backslash escapes and UTF-8.
pub(crate) fn literal(text: &str) -> String {
    Value::from(text).as_sql(false)
}

/// Quotes several texts, separated by commas.
pub(crate) fn literals<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.map(literal).collect::<Vec<_>>().join(", ")
}

/// Returns a statement that deletes rows by their primary key, and locks no other.
pub(crate) fn delete<'a>(table: &str, key: &str, keys: impl Iterator<Item = &'a str>) -> String {
    format!(
        "DELETE gone FROM {table} AS gone FORCE INDEX (PRIMARY) WHERE gone.{key} IN ({})",
        literals(keys)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_escaped() {
        assert_eq!(literal("a'b\\c\0\n\u{1a}"), r"'a\'b\\c\0\n\Z'");
        assert_eq!(literals(["ä", "😀 "].into_iter()), "'ä', '😀 '");
    }
}
