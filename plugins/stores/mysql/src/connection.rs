//! Connections to the server, and what is said through them.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_plugin_kit::store::Connector;
use mysql::prelude::Queryable as _;
use mysql::{Conn, Opts, Row, Value};

use crate::WHAT;
use crate::failure::{Failure, connecting_takes_too_long, no_connection};
use crate::sockets::{Registered, Sockets};

/// A connection that was idle for longer is asked whether it still lives.
const FRESH: Duration = Duration::from_secs(1);

/// How often it is looked whether somebody who waits for a connection is to give up.
const TICK: Duration = Duration::from_millis(50);

/// The server, and how to log in.
pub(crate) struct Server {
    options: Opts,
    /// The address for people.
    address: String,
    connect_timeout: Duration,
    sockets: Arc<Sockets>,
}

impl Server {
    pub(crate) fn new(options: Opts, address: String, connect_timeout: Duration) -> Self {
        Self { options, address, connect_timeout, sockets: Arc::default() }
    }

    /// Ends all connections, also in the middle of a call, and all attempts to make one.
    pub(crate) fn cut(&self) {
        self.sockets.cut();
    }
}

/// A connection that can be cut by others.
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

    /// In a thread of its own: the client has no limit for the time until a server that took the connection says
    /// something, other than that for the answer to a statement.
    fn connect(&self) -> Result<Connection> {
        let options = self.options.clone();
        let (sender, receiver) = mpsc::sync_channel(1);
        let thread = std::thread::Builder::new().name("apscheduler-connect".to_owned());
        let started = thread.spawn(move || {
            // Whoever asked may have given up.
            let _ = sender.send(Conn::new(options));
        });
        started.map_err(|error| {
            Error::new(ErrorKind::Other, "can't start a thread to connect").with_source(error)
        })?;
        let begun = Instant::now();
        let connected = loop {
            match receiver.recv_timeout(TICK) {
                Ok(connected) => break connected,
                _ if self.sockets.are_cut() => return Err(shut_down()),
                Err(RecvTimeoutError::Timeout) if begun.elapsed() < self.connect_timeout => {}
                Err(_) => return Err(connecting_takes_too_long(&self.address)),
            }
        };
        let connection = connected.map_err(|error| no_connection(&self.address, error))?;
        let socket = self.sockets.register(&connection).ok_or_else(shut_down)?;
        Ok(Connection { connection, _socket: socket })
    }

    fn address(&self) -> &str {
        &self.address
    }

    fn lives(&self, connection: &mut Connection, idle: Duration) -> bool {
        idle <= FRESH || connection.ping().is_ok()
    }
}

/// The store was shut down while somebody waited for a connection.
fn shut_down() -> Error {
    Error::new(ErrorKind::NotRunning, "the job store was shut down").with_plugin(WHAT)
}

/// What the server answered to one statement.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) rows: Vec<Row>,
}

/// Sends statements at once, and returns the answers. Those behind one that fails are not carried out.
pub(crate) fn answers(connection: &mut Conn, statements: &str) -> Result<Vec<Answer>, Failure> {
    let mut result = connection.query_iter(statements)?;
    let mut answers = Vec::new();
    // Dropping the result would pass errors of all but the first in silence.
    while let Some(set) = result.iter() {
        answers.push(Answer { rows: set.collect::<Result<_, _>>()? });
    }
    Ok(answers)
}

/// Text as SQL has it. Sessions are told to take backslashes for what they are, and to speak UTF-8.
pub(crate) fn literal(text: &str) -> String {
    Value::from(text).as_sql(false)
}

/// Several of them.
pub(crate) fn literals<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.map(literal).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_have_no_way_out() {
        assert_eq!(literal("a'b\\c\0\n\u{1a}"), r"'a\'b\\c\0\n\Z'");
        assert_eq!(literals(["ä", "😀 "].into_iter()), "'ä', '😀 '");
    }
}
