//! Converts errors of the driver and the server, without passwords.

use std::fmt;

use apscheduler_core::{Error, ErrorKind};
use apscheduler_plugin_kit::store::CauseText;
use mongodb::error::{
    Error as DriverError, ErrorKind as DriverErrorKind, RETRYABLE_WRITE_ERROR, WriteFailure,
};

use crate::names::STORE_NAME;

/// The codes of temporary errors: elections, shutdowns, transaction conflicts, timeouts.
const TEMPORARY: [i32; 16] =
    [6, 7, 50, 64, 89, 91, 112, 189, 202, 262, 9001, 10107, 11600, 11602, 13435, 13436];

/// The codes of errors about the login or permissions.
const DENIED: [i32; 3] = [11, 13, 18];

/// The code for an `_id` that is taken.
pub(crate) const DUPLICATE_KEY: i32 = 11000;

/// The address of the server in errors.
#[derive(Clone)]
pub(crate) struct Address {
    /// Without user and password.
    pub(crate) shown: String,
    /// The password, which no error may show.
    pub(crate) password: Option<String>,
}

impl Address {
    /// Returns the error for a call without an answer in time.
    pub(crate) fn no_answer(&self) -> Error {
        let message = format!("the server at {} did not answer in time", self.shown);
        Error::new(ErrorKind::Unavailable, message).with_plugin(STORE_NAME)
    }

    /// Converts an error of the driver.
    pub(crate) fn explain(&self, error: &DriverError) -> Error {
        let address = &self.shown;
        let refused = format!("the server at {address} refused this user or password");
        let (kind, message) = match &*error.kind {
            DriverErrorKind::Authentication { .. } => (ErrorKind::Store, refused),
            DriverErrorKind::InvalidArgument { .. } | DriverErrorKind::InvalidTlsConfig { .. } => {
                (ErrorKind::Config, format!("can't connect to {address} with these options"))
            }
            DriverErrorKind::ServerSelection { .. } | DriverErrorKind::DnsResolve { .. } => {
                (ErrorKind::Unavailable, format!("can't reach the server at {address}"))
            }
            DriverErrorKind::Io(_) | DriverErrorKind::ConnectionPoolCleared { .. } => (
                ErrorKind::Unavailable,
                format!("the connection to the server at {address} was lost"),
            ),
            _ => match code(error) {
                Some(code) if DENIED.contains(&code) => (ErrorKind::Store, refused),
                code if code.is_some_and(is_temporary)
                    || error.contains_label(RETRYABLE_WRITE_ERROR) =>
                {
                    (
                        ErrorKind::Unavailable,
                        format!("the server at {address} temporarily refused the call"),
                    )
                }
                _ => (ErrorKind::Store, format!("the server at {address} refused the call")),
            },
        };
        self.with_text(kind, message, error.kind.to_string())
    }

    /// Returns the error for a write that the server accepted but could not confirm.
    pub(crate) fn unconfirmed(&self, what: &str) -> Error {
        let message = format!("the server at {} could not confirm a write", self.shown);
        self.with_text(ErrorKind::Unavailable, message, what.to_owned())
    }

    /// Converts the server's error for one statement of a command.
    pub(crate) fn refusal(&self, code: i32, text: &str) -> Error {
        let (kind, how) = if is_temporary(code) {
            (ErrorKind::Unavailable, "temporarily ")
        } else {
            (ErrorKind::Store, "")
        };
        let message = format!("the server at {} {how}refused a statement", self.shown);
        self.with_text(kind, message, format!("{text} (code {code})"))
    }

    /// Returns the error for an answer that MongoDB never gives.
    pub(crate) fn unexpected(&self, answer: &str) -> Error {
        let message = format!("unexpected answer from the server at {}: {answer}", self.shown);
        Error::new(ErrorKind::Store, message).with_plugin(STORE_NAME)
    }

    fn with_text(&self, kind: ErrorKind, message: String, text: String) -> Error {
        let cause = CauseText::new(text).hide(self.password.as_deref());
        Error::new(kind, message).with_plugin(STORE_NAME).with_source(cause)
    }
}

pub(crate) fn is_temporary(code: i32) -> bool {
    TEMPORARY.contains(&code)
}

/// Returns the server's code of an error.
pub(crate) fn code(error: &DriverError) -> Option<i32> {
    match &*error.kind {
        DriverErrorKind::Command(error) => Some(error.code),
        DriverErrorKind::Write(WriteFailure::WriteError(error)) => Some(error.code),
        DriverErrorKind::Write(WriteFailure::WriteConcernError(error)) => Some(error.code),
        _ => None,
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}
