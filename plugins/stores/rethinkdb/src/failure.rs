//! Converts errors of the client, without passwords.

use std::fmt;

use apscheduler_core::{Error, ErrorKind};
use apscheduler_plugin_kit::store::{CauseText, RetryClass};

use crate::client::{ClientError, ServerError};
use crate::names::STORE_NAME;

/// The address of the server in errors.
#[derive(Clone)]
pub(crate) struct Address {
    /// Without user and password.
    pub(crate) shown: String,
    /// The password, which no error may show.
    pub(crate) password: Option<String>,
}

/// The failure of a call.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    /// Whether the same call on another connection may succeed, and does no harm.
    pub(crate) is_lost: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, is_lost: false }
    }
}

impl RetryClass for Failure {
    fn is_lost(&self) -> bool {
        self.is_lost
    }

    fn is_conflict(&self) -> bool {
        false
    }
}

impl Address {
    /// Converts an error of the client.
    pub(crate) fn explain(&self, error: &ClientError) -> Error {
        let address = &self.shown;
        let refused = format!("the server at {address} refused the query");
        let (kind, message) = match error {
            ClientError::Unreachable(_) => {
                (ErrorKind::Unavailable, format!("can't reach the server at {address}"))
            }
            ClientError::Lost(_) => (
                ErrorKind::Unavailable,
                format!("the connection to the server at {address} was lost"),
            ),
            ClientError::TimedOut => {
                let message = format!("the server at {address} did not answer in time");
                return Error::new(ErrorKind::Unavailable, message).with_plugin(STORE_NAME);
            }
            ClientError::Denied(_) => {
                (ErrorKind::Store, format!("the server at {address} refused this user or password"))
            }
            ClientError::Protocol(_) => {
                (ErrorKind::Store, format!("unexpected answer from the server at {address}"))
            }
            ClientError::TooLarge(_) => (
                ErrorKind::Store,
                format!("a query for the server at {address}, or its answer, is too large"),
            ),
            ClientError::Tls(_) => {
                (ErrorKind::Config, format!("can't connect to {address} with TLS"))
            }
            ClientError::Refused(ServerError::Failed | ServerError::Indeterminate, _) => (
                ErrorKind::Unavailable,
                format!("the server at {address} could not carry out the query"),
            ),
            ClientError::Refused(ServerError::Permission, _) => (
                ErrorKind::Store,
                format!("this user has not the permission that it needs at {address}"),
            ),
            ClientError::Refused(..) => (ErrorKind::Store, refused),
        };
        self.with_text(kind, message, error.to_string())
    }

    /// Returns the error for documents that the server did not write.
    pub(crate) fn unwritten(&self, count: u64, first: &str) -> Error {
        let message = format!("the server at {} did not write {count} documents", self.shown);
        self.with_text(ErrorKind::Store, message, first.to_owned())
    }

    /// Returns the error for an answer that RethinkDB never gives.
    pub(crate) fn unexpected(&self, answer: &str) -> Error {
        let message = format!("unexpected answer from the server at {}: {answer}", self.shown);
        Error::new(ErrorKind::Store, message).with_plugin(STORE_NAME)
    }

    fn with_text(&self, kind: ErrorKind, message: String, text: String) -> Error {
        let cause = CauseText::new(text).hide(self.password.as_deref());
        Error::new(kind, message).with_plugin(STORE_NAME).with_source(cause)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}
