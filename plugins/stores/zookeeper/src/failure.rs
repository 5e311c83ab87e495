//! Failed calls, and the errors that they become, without passwords.

use std::fmt;

use apscheduler_core::{Error, ErrorKind};
use apscheduler_plugin_kit::store::CauseText;
use zookeeper_client::Error as ClientError;

use crate::names::STORE_NAME;

/// Why a call failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The connection was lost while something was read, which can be repeated.
    Lost(ClientError),
    /// The connection was lost while something was written: it is unknown whether the server has done it.
    Doubt(ClientError),
    /// The server did not answer in time. What was sent may be executed.
    NoAnswer,
    /// The nodes of the store are gone.
    Missing,
    /// The server refused the call, which changed nothing.
    Refused(ClientError),
    /// The store can't do it, for a reason of its own.
    Own(Error),
}

pub(crate) type Attempt<T> = Result<T, Failure>;

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        if is_loss(&error) { Self::Lost(error) } else { Self::Refused(error) }
    }
}

impl Failure {
    /// Converts the error of a write.
    pub(crate) fn of_write(error: ClientError) -> Self {
        if is_loss(&error) { Self::Doubt(error) } else { Self::Refused(error) }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Own(error)
    }
}

/// Whether it is unknown what became of the request.
fn is_loss(error: &ClientError) -> bool {
    !matches!(
        error,
        ClientError::NoNode
            | ClientError::NoAuth
            | ClientError::BadVersion
            | ClientError::NoChildrenForEphemerals
            | ClientError::NodeExists
            | ClientError::NotEmpty
            | ClientError::InvalidAcl
            | ClientError::AuthFailed
            | ClientError::NotReadOnly
            | ClientError::QuotaExceeded
            | ClientError::Throttled
            | ClientError::MarshallingError
            | ClientError::Unimplemented
            | ClientError::BadArguments(_)
            | ClientError::UnexpectedErrorCode(_)
    )
}

/// The address of the servers in errors.
#[derive(Clone)]
pub(crate) struct Address {
    /// Without user and password.
    pub(crate) shown: String,
    /// What no error may show.
    pub(crate) secrets: Vec<String>,
}

impl Address {
    /// Converts a failure.
    pub(crate) fn explain(&self, failure: Failure) -> Error {
        match failure {
            Failure::Lost(error) | Failure::Doubt(error) => {
                self.because(ErrorKind::Unavailable, "the connection to {} was lost", &error)
            }
            Failure::NoAnswer => self.no_answer(),
            Failure::Missing => {
                self.error(ErrorKind::Store, "the nodes of the jobs at {} are gone")
            }
            Failure::Refused(error) => self.refused(&error),
            Failure::Own(error) => error,
        }
    }

    /// Converts an error of an attempt to connect.
    pub(crate) fn unreachable(&self, error: &ClientError) -> Error {
        match error {
            ClientError::AuthFailed | ClientError::NoAuth => self.refused(error),
            ClientError::BadArguments(_) => {
                self.because(ErrorKind::Config, "can't connect to {} with these options", error)
            }
            _ => self.because(ErrorKind::Unavailable, "can't reach the server at {}", error),
        }
    }

    /// Returns the error for a call without an answer in time.
    pub(crate) fn no_answer(&self) -> Error {
        self.error(ErrorKind::Unavailable, "the server at {} did not answer in time")
    }

    fn refused(&self, error: &ClientError) -> Error {
        let (kind, message) = match error {
            ClientError::NoAuth | ClientError::AuthFailed | ClientError::InvalidAcl => {
                (ErrorKind::Store, "the server at {} refused this user or password")
            }
            ClientError::Throttled | ClientError::NotReadOnly => {
                (ErrorKind::Unavailable, "the server at {} temporarily refused the call")
            }
            _ => (ErrorKind::Store, "the server at {} refused the call"),
        };
        self.because(kind, message, error)
    }

    fn error(&self, kind: ErrorKind, message: &str) -> Error {
        Error::new(kind, message.replace("{}", &self.shown)).with_plugin(STORE_NAME)
    }

    fn because(&self, kind: ErrorKind, message: &str, error: &ClientError) -> Error {
        let mut cause = CauseText::new(error.to_string());
        for secret in &self.secrets {
            cause = cause.hide(Some(secret));
        }
        self.error(kind, message).with_source(cause)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}
