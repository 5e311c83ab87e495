//! What can go wrong between us and the server, and what to do about it.

use std::error::Error as _;

use apscheduler_core::{Error, ErrorKind};
use apscheduler_plugin_kit::store::RetryClass;
use tokio_postgres::error::SqlState;

use crate::WHAT;

/// Why a call failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The client or the server says so.
    Server(tokio_postgres::Error),
    /// No answer in time.
    Silence,
    /// The connection was lost during COMMIT: nobody knows whether it was carried out.
    InDoubt(Option<tokio_postgres::Error>),
    /// The store itself refuses; the connection is fine.
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
    /// What COMMIT says: a connection that is lost then leaves it open what became of the transaction.
    pub(crate) fn of_commit(self) -> Self {
        match self {
            Self::Server(error) if is_lost(&error) => Self::InDoubt(Some(error)),
            Self::Silence => Self::InDoubt(None),
            other => other,
        }
    }

    /// What the caller of the store is told. `task` is what was tried: `adding jobs`.
    pub(crate) fn explain(self, address: &str, task: &str) -> Error {
        let (kind, message, source) = match self {
            Self::Refused(error) if error.plugin().is_some() => return error,
            Self::Refused(error) => return error.with_plugin(WHAT),
            Self::Silence => {
                let message = format!("{task}: PostgreSQL at {address} does not answer in time");
                (ErrorKind::Unavailable, message, None)
            }
            Self::InDoubt(source) => {
                let message = format!(
                    "{task}: the connection to PostgreSQL at {address} was lost during COMMIT, so it may or may not be done"
                );
                (ErrorKind::Unavailable, message, source)
            }
            Self::Server(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => {
                let message =
                    format!("{task}: a table of the jobs is gone from PostgreSQL at {address}");
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

/// The server can't be reached, or does not let us in.
pub(crate) fn no_connection(address: &str, error: tokio_postgres::Error) -> Error {
    let (kind, message) = match error.code() {
        Some(_) => (kind(&error), format!("PostgreSQL at {address} refuses the connection")),
        None => (ErrorKind::Unavailable, format!("can't connect to PostgreSQL at {address}")),
    };
    with_source(Error::new(kind, message), Some(error))
}

/// The server does not answer the attempt to connect.
pub(crate) fn connecting_takes_too_long(address: &str) -> Error {
    let message = format!("can't connect to PostgreSQL at {address} in time");
    Error::new(ErrorKind::Unavailable, message).with_plugin(WHAT)
}

fn with_source(error: Error, source: Option<tokio_postgres::Error>) -> Error {
    let error = error.with_plugin(WHAT);
    match source {
        Some(source) => error.with_source(source),
        None => error,
    }
}

fn is_lost(error: &tokio_postgres::Error) -> bool {
    let is_io = matches!(error.source(), Some(source) if source.is::<std::io::Error>());
    let ended = error.code().is_some_and(|code| {
        // Administrators end connections, and so do the server's limits on idle ones.
        code.code().starts_with("08")
            || ["57P01", "57P02", "57P03", "57P05", "25P03", "25P04"].contains(&code.code())
    });
    error.is_closed() || is_io || ended
}

fn kind(error: &tokio_postgres::Error) -> ErrorKind {
    let Some(code) = error.code() else {
        return if is_lost(error) { ErrorKind::Unavailable } else { ErrorKind::Store };
    };
    // Classes: connection, transaction rollback, resources, intervention by the operator, system error.
    let class = ["08", "40", "53", "57", "58"].contains(&&code.code()[..2]);
    let passing = [
        &SqlState::READ_ONLY_SQL_TRANSACTION,
        &SqlState::LOCK_NOT_AVAILABLE,
        &SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    ];
    if class || passing.contains(&code) || code.code() == "25P04" {
        ErrorKind::Unavailable
    } else {
        ErrorKind::Store
    }
}
