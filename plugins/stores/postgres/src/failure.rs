//! Failures of calls to the server, and how to react to them.

use std::error::Error as _;

use apscheduler_core::{Error, ErrorKind};
use apscheduler_plugin_kit::store::RetryClass;
use tokio_postgres::error::SqlState;

use crate::names::STORE_NAME;

/// Why a call failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An error from the driver or the server.
    Server(tokio_postgres::Error),
    /// The server did not answer in time.
    NoAnswer,
    /// The connection was lost during COMMIT, so the outcome is unknown.
    InDoubt(Option<tokio_postgres::Error>),
    /// The store itself refuses; the connection is usable.
    Refused(Error),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl RetryClass for Failure {
    fn is_lost(&self) -> bool {
        matches!(self, Self::Server(error) if is_lost(error))
    }

    fn is_conflict(&self) -> bool {
        let code = match self {
            Self::Server(error) => error.code(),
            _ => None,
        };
        code.is_some_and(|code| {
            [&SqlState::T_R_DEADLOCK_DETECTED, &SqlState::T_R_SERIALIZATION_FAILURE].contains(&code)
        })
    }
}

impl Failure {
    /// Converts the failure of a COMMIT: if the connection was lost, the outcome of the transaction is unknown.
    pub(crate) fn during_commit(self) -> Self {
        match self {
            Self::Server(error) if is_lost(&error) => Self::InDoubt(Some(error)),
            Self::NoAnswer => Self::InDoubt(None),
            other => other,
        }
    }

    /// Converts the failure into the error of the store. `task` is the attempted task, such as `adding jobs`.
    pub(crate) fn explain(self, address: &str, task: &str) -> Error {
        let (kind, message, source) = match self {
            Self::Refused(error) if error.plugin().is_some() => return error,
            Self::Refused(error) => return error.with_plugin(STORE_NAME),
            Self::NoAnswer => {
                let message = format!("{task}: PostgreSQL at {address} did not answer in time");
                (ErrorKind::Unavailable, message, None)
            }
            Self::InDoubt(source) => {
                let message = format!(
                    "{task}: the connection to PostgreSQL at {address} was lost during COMMIT, so the outcome is unknown"
                );
                (ErrorKind::Unavailable, message, source)
            }
            Self::Server(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => {
                let message = format!(
                    "{task}: a table of the job store is missing in PostgreSQL at {address}"
                );
                (ErrorKind::StoreReplaced, message, Some(error))
            }
            Self::Server(error) => {
                let message = format!("{task} failed in PostgreSQL at {address}");
                (kind(&error), message, Some(error))
            }
        };
        with_source(Error::new(kind, message), source)
    }
}

/// Returns the error of a failed attempt to connect.
pub(crate) fn no_connection(address: &str, error: tokio_postgres::Error) -> Error {
    let (kind, message) = match error.code() {
        Some(_) => (kind(&error), format!("PostgreSQL at {address} refused the connection")),
        None => (ErrorKind::Unavailable, format!("can't connect to PostgreSQL at {address}")),
    };
    with_source(Error::new(kind, message), Some(error))
}

/// Returns the error of an attempt to connect that timed out.
pub(crate) fn connect_timed_out(address: &str) -> Error {
    let message = format!("can't connect to PostgreSQL at {address} in time");
    Error::new(ErrorKind::Unavailable, message).with_plugin(STORE_NAME)
}

fn with_source(error: Error, source: Option<tokio_postgres::Error>) -> Error {
    let error = error.with_plugin(STORE_NAME);
    match source {
        Some(source) => error.with_source(source),
        None => error,
    }
}

fn is_lost(error: &tokio_postgres::Error) -> bool {
    let is_io = matches!(error.source(), Some(source) if source.is::<std::io::Error>());
    let ended = error.code().is_some_and(|code| {
        // An administrator ended the connection, or the server did so after an idle timeout.
        code.code().starts_with("08")
            || ["57P01", "57P02", "57P03", "57P05", "25P03", "25P04"].contains(&code.code())
    });
    error.is_closed() || is_io || ended
}

fn kind(error: &tokio_postgres::Error) -> ErrorKind {
    let Some(code) = error.code() else {
        return if is_lost(error) { ErrorKind::Unavailable } else { ErrorKind::Store };
    };
    // Classes: connection, transaction rollback, resources, operator intervention, system error.
    let class = ["08", "40", "53", "57", "58"].contains(&&code.code()[..2]);
    let temporary = [
        &SqlState::READ_ONLY_SQL_TRANSACTION,
        &SqlState::LOCK_NOT_AVAILABLE,
        &SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    ];
    if class || temporary.contains(&code) || code.code() == "25P04" {
        ErrorKind::Unavailable
    } else {
        ErrorKind::Store
    }
}
