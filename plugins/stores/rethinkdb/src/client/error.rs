//! Errors of the client.

use std::{fmt, io};

/// What went wrong with a connection or a query.
#[derive(Debug)]
pub(crate) enum ClientError {
    /// The server could not be reached.
    Unreachable(io::Error),
    /// The connection broke, or the server closed it.
    Lost(io::Error),
    /// The server did not answer in time.
    TimedOut,
    /// The server refused the user or the password.
    Denied(String),
    /// The server speaks another protocol, or does not keep to this one.
    Protocol(String),
    /// A query or an answer has this many bytes, which is more than a limit.
    TooLarge(u64),
    /// TLS can't be set up.
    Tls(String),
    /// The server refused the query.
    Refused(ServerError, String),
}

/// Why the server refused a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerError {
    /// The server does not understand the query.
    Query,
    /// A value is not as the query needs it.
    Logic,
    /// Something that the query needs does not exist.
    NonExistence,
    /// An array is too large, or memory is short.
    ResourceLimit,
    /// The query failed, and may have written a part of what it writes: a table is missing or not available.
    Failed,
    /// Nobody knows whether the query has written anything.
    Indeterminate,
    /// The user has no permission.
    Permission,
    /// Anything else.
    Other,
}

impl ServerError {
    /// Reads the type of a response, and of a runtime error.
    pub(super) fn of(response: u64, error: Option<u64>) -> Self {
        match (response, error) {
            (16 | 17, _) => Self::Query,
            (_, Some(2_000_000)) => Self::ResourceLimit,
            (_, Some(3_000_000)) => Self::Logic,
            (_, Some(3_100_000)) => Self::NonExistence,
            (_, Some(4_100_000)) => Self::Failed,
            (_, Some(4_200_000)) => Self::Indeterminate,
            (_, Some(6_000_000)) => Self::Permission,
            _ => Self::Other,
        }
    }
}

impl ClientError {
    /// The error for an answer that the protocol does not allow.
    pub(super) fn protocol(message: impl Into<String>) -> Self {
        Self::Protocol(message.into())
    }
}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::TimedOut,
            _ => Self::Lost(error),
        }
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(error) | Self::Lost(error) => error.fmt(f),
            Self::TimedOut => f.write_str("no answer"),
            Self::TooLarge(bytes) => write!(f, "{bytes} bytes"),
            Self::Denied(text)
            | Self::Protocol(text)
            | Self::Tls(text)
            | Self::Refused(_, text) => f.write_str(text),
        }
    }
}
