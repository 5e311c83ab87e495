//! What errors of the driver mean, said without a password.

use std::fmt;

use apscheduler_core::{Error, ErrorKind};
use mongodb::error::{
    Error as DriverError, ErrorKind as DriverErrorKind, RETRYABLE_WRITE_ERROR, WriteFailure,
};

use crate::WHAT;

/// What the server says when it refuses for now: elections, shutdowns, conflicts of transactions, time limits.
const PASSING: [i32; 16] =
    [6, 7, 50, 64, 89, 91, 112, 189, 202, 262, 9001, 10107, 11600, 11602, 13435, 13436];

/// What the server says to those that it does not let in.
const REFUSED: [i32; 3] = [11, 13, 18];

/// What the server says where an `_id` is taken.
pub(crate) const DUPLICATE_KEY: i32 = 11000;

/// Where the server is, as errors name it.
#[derive(Clone)]
pub(crate) struct Address {
    /// Without user and password.
    pub(crate) shown: String,
    /// What no error may show.
    pub(crate) password: Option<String>,
}

impl Address {
    /// No answer in time.
    pub(crate) fn silence(&self) -> Error {
        let message = format!("the server at {} does not answer in time", self.shown);
        Error::new(ErrorKind::Unavailable, message).with_plugin(WHAT)
    }

    /// What an error of the driver means.
    pub(crate) fn explain(&self, error: &DriverError) -> Error {
        let address = &self.shown;
        let refused = format!("the server at {address} refuses this user or password");
        let (kind, message) = match &*error.kind {
            DriverErrorKind::Authentication { .. } => (ErrorKind::Store, refused),
            DriverErrorKind::InvalidArgument { .. } | DriverErrorKind::InvalidTlsConfig { .. } => {
                (ErrorKind::Config, format!("can't connect to {address} with these options"))
            }
            DriverErrorKind::ServerSelection { .. } | DriverErrorKind::DnsResolve { .. } => {
                (ErrorKind::Unavailable, format!("can't reach the server at {address}"))
            }
            DriverErrorKind::Io(_) | DriverErrorKind::ConnectionPoolCleared { .. } => {
                (ErrorKind::Unavailable, format!("the connection to the server at {address} broke"))
            }
            _ => match code(error) {
                Some(code) if REFUSED.contains(&code) => (ErrorKind::Store, refused),
                code if code.is_some_and(is_passing)
                    || error.contains_label(RETRYABLE_WRITE_ERROR) =>
                {
                    (ErrorKind::Unavailable, format!("the server at {address} refuses for now"))
                }
                _ => (ErrorKind::Store, format!("the server at {address} refuses")),
            },
        };
        // The text of the cause is kept and not the cause: no password gets through.
        self.with_text(kind, message, error.kind.to_string())
    }

    /// The server took a write, and does not know whether it will last.
    pub(crate) fn doubtful(&self, what: &str) -> Error {
        let message = format!("the server at {} can't say whether a write will last", self.shown);
        self.with_text(ErrorKind::Unavailable, message, what.to_owned())
    }

    /// What the server said of one statement of a command.
    pub(crate) fn refusal(&self, code: i32, text: &str) -> Error {
        let (kind, when) = if is_passing(code) {
            (ErrorKind::Unavailable, " for now")
        } else {
            (ErrorKind::Store, "")
        };
        let message = format!("the server at {} refuses{when}", self.shown);
        self.with_text(kind, message, format!("{text} (code {code})"))
    }

    /// An answer that the server would never give.
    pub(crate) fn unexpected(&self, answer: &str) -> Error {
        let message =
            format!("the server at {} answered what MongoDB would not: {answer}", self.shown);
        Error::new(ErrorKind::Store, message).with_plugin(WHAT)
    }

    fn with_text(&self, kind: ErrorKind, message: String, mut text: String) -> Error {
        if let Some(password) = self.password.as_deref().filter(|password| !password.is_empty()) {
            text = text.replace(password, "(hidden)");
        }
        Error::new(kind, message).with_plugin(WHAT).with_source(Said(text))
    }
}

pub(crate) fn is_passing(code: i32) -> bool {
    PASSING.contains(&code)
}

/// The server's number of an error.
pub(crate) fn code(error: &DriverError) -> Option<i32> {
    match &*error.kind {
        DriverErrorKind::Command(error) => Some(error.code),
        DriverErrorKind::Write(WriteFailure::WriteError(error)) => Some(error.code),
        DriverErrorKind::Write(WriteFailure::WriteConcernError(error)) => Some(error.code),
        _ => None,
    }
}

/// What the driver or the server said.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Said(String);

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}
