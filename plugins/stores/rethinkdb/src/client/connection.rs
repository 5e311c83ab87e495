//! A connection that answers one query at a time.

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::error::ClientError;
use super::frame::{self, Frames};
use super::handshake;
use super::response::Response;
use super::stream::{Interrupter, Stream};
use super::target::Target;
use super::term::Term;

/// The kinds of queries.
#[derive(Clone, Copy)]
pub(super) enum Query {
    Start = 1,
    Continue = 2,
    Stop = 3,
}

/// A connection to the server. After an error other than [`ClientError::Refused`], it can't be used any more.
pub(crate) struct Connection {
    stream: Stream,
    frames: Frames,
    last_token: u64,
    timeout: Duration,
}

impl Connection {
    /// Connects and logs in.
    pub(crate) fn open(target: &Target) -> Result<Self, ClientError> {
        let deadline = after(target.connect_timeout);
        let mut stream = Stream::connect(target, deadline)?;
        let mut frames = Frames::default();
        handshake::log_in(&mut stream, &mut frames, target, deadline)?;
        Ok(Self { stream, frames, last_token: 0, timeout: target.timeout })
    }

    /// Returns what ends the waits of this connection.
    pub(crate) fn interrupter(&self) -> io::Result<Interrupter> {
        self.stream.interrupter()
    }

    /// Whether the server has not closed the connection, as far as this side knows.
    pub(crate) fn seems_alive(&self) -> bool {
        self.stream.is_quiet()
    }

    /// Sends a query and returns its value. A sequence is returned as an array.
    pub(crate) fn run(&mut self, query: &Term) -> Result<Value, ClientError> {
        let deadline = after(self.timeout);
        let token = self.send_start(query, deadline)?;
        let mut all = Vec::new();
        loop {
            match self.receive(token, deadline)? {
                Response::Atom(value) => return Ok(value),
                Response::Last(batch) => {
                    all.extend(batch);
                    return Ok(Value::Array(all));
                }
                Response::Partial(batch) => {
                    all.extend(batch);
                    self.send(Query::Continue, token, deadline)?;
                }
            }
        }
    }

    /// Sends a query, and returns its token.
    pub(super) fn send_start(
        &mut self,
        query: &Term,
        deadline: Instant,
    ) -> Result<u64, ClientError> {
        self.last_token += 1;
        let json = format!("[{},{query},{{}}]", Query::Start as u8);
        self.stream.write_all(&frame::encode(self.last_token, &json)?, deadline)?;
        Ok(self.last_token)
    }

    /// Sends `CONTINUE` or `STOP` for an earlier query.
    pub(super) fn send(
        &mut self,
        query: Query,
        token: u64,
        deadline: Instant,
    ) -> Result<(), ClientError> {
        let json = format!("[{}]", query as u8);
        self.stream.write_all(&frame::encode(token, &json)?, deadline)
    }

    /// Returns the next response, and the token of its query.
    pub(super) fn receive_any(
        &mut self,
        deadline: Instant,
    ) -> Result<(u64, Result<Response, ClientError>), ClientError> {
        let (token, json) = self.frames.read(&mut self.stream, deadline)?;
        Ok((token, Response::read(&json)))
    }

    fn receive(&mut self, token: u64, deadline: Instant) -> Result<Response, ClientError> {
        let (found, response) = self.receive_any(deadline)?;
        if found == token {
            return response;
        }
        Err(ClientError::protocol(format!("the response has the token {found}, and not {token}")))
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }
}

/// Returns the end of this time from now on.
pub(super) fn after(time: Duration) -> Instant {
    let now = Instant::now();
    // A deadline that overflows is as good as this one.
    now.checked_add(time).unwrap_or_else(|| now + Duration::from_secs(60 * 60 * 24 * 365))
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("queries", &self.last_token).finish_non_exhaustive()
    }
}
