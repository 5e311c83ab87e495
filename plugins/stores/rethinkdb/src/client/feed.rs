//! Feeds of changes.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::connection::{Connection, Query, after};
use super::error::ClientError;
use super::response::Response;
use super::term::Term;

/// How long the message to end a feed may take. If it is not sent, the end of the connection ends the feed.
const GOODBYE: Duration = Duration::from_secs(1);

/// A query that reports changes for as long as its connection lives. The server may end it at any time, and does not say
/// what happened before another one began.
#[derive(Debug)]
pub(crate) struct Feed {
    connection: Connection,
    token: u64,
    /// When the server last gave a sign of life.
    heard: Instant,
    /// A query that only asks for a sign of life.
    question: Option<u64>,
}

/// What a feed reports.
#[derive(Debug)]
pub(crate) enum FeedEvent {
    /// Changes, as the query describes them.
    Changes(Vec<Value>),
    /// Nothing happened in the time.
    Nothing,
}

impl Feed {
    /// Sends a query with `changes`. What changes after this returns is reported.
    pub(crate) fn open(mut connection: Connection, query: &Term) -> Result<Self, ClientError> {
        let deadline = after(connection.timeout());
        let token = connection.send_start(query, deadline)?;
        match connection.receive_any(deadline)? {
            (found, Ok(Response::Partial(_))) if found == token => {}
            (_, Ok(other)) => {
                return Err(ClientError::protocol(format!("a feed began with {other:?}")));
            }
            (_, Err(error)) => return Err(error),
        }
        connection.send(Query::Continue, token, deadline)?;
        Ok(Self { connection, token, heard: Instant::now(), question: None })
    }

    /// Waits this long for changes. If the server was silent for longer than `silence`, asks it for a sign of life.
    pub(crate) fn next(
        &mut self,
        wait: Duration,
        silence: Duration,
    ) -> Result<FeedEvent, ClientError> {
        let timeout = self.connection.timeout();
        match self.connection.receive_any(after(wait)) {
            Ok((token, response)) => {
                self.heard = Instant::now();
                if self.question == Some(token) {
                    self.question = None;
                    return Ok(FeedEvent::Nothing);
                }
                match response? {
                    Response::Partial(changes) if token == self.token => {
                        self.connection.send(Query::Continue, token, after(timeout))?;
                        Ok(FeedEvent::Changes(changes))
                    }
                    other => Err(ClientError::protocol(format!("a feed ended with {other:?}"))),
                }
            }
            Err(ClientError::TimedOut) => {
                if self.heard.elapsed() > silence + timeout {
                    return Err(ClientError::TimedOut);
                }
                if self.heard.elapsed() > silence && self.question.is_none() {
                    let query = Term::from(true);
                    self.question = Some(self.connection.send_start(&query, after(timeout))?);
                }
                Ok(FeedEvent::Nothing)
            }
            Err(error) => Err(error),
        }
    }

    /// Tells the server that nobody reads any more.
    pub(crate) fn stop(&mut self) -> Result<(), ClientError> {
        self.connection.send(Query::Stop, self.token, after(GOODBYE))
    }
}
