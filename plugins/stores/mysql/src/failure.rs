//! Failures of calls to the server, and how to react to them.

use std::io;

use apscheduler_core::{Error, ErrorKind};
use apscheduler_plugin_kit::store::{CauseText, RetryClass};
use mysql::DriverError;

use crate::names::STORE_NAME;

/// Why a call failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An error from the driver or the server.
    Server(mysql::Error),
    /// The connection was lost during COMMIT, so the outcome is unknown.
    InDoubt(mysql::Error),
    /// The store itself refuses; the connection is usable.
    Refused(Error),
}

impl From<mysql::Error> for Failure {
    fn from(error: mysql::Error) -> Self {
        Self::Server(error)
    }
}

impl From<mysql::FromValueError> for Failure {
    fn from(error: mysql::FromValueError) -> Self {
        Self::Server(mysql::Error::FromValueError(error.0))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

const DEADLOCK: u16 = 1213;
const DUPLICATE: u16 = 1062;
const NO_SUCH_TABLE: u16 = 1146;

/// The server closed the connection, or is shutting down.
static CLOSED: [u16; 10] = [
    1053, // shutdown in progress
    1077, 1078, 1079, // the same, in the log
    1158, 1159, 1160, 1161, // a packet could not be read or written
    1927, // MariaDB: the connection was killed
    4031, // MySQL: the connection was idle for too long
];

/// Temporary errors.
static TEMPORARY: [u16; 21] = [
    1021, 1030, 1114, // the disk or the table is full
    1037, 1038, 1041, // out of memory
    1040, 1203, 1226, // too many connections, in all or of this user
    1129, // too many failed attempts from this host
    1180, // COMMIT failed
    1205, // a lock wait timed out
    1290, 1792, 1836, 1845, // read-only
    1317, 1969, 3024, // the statement was killed or timed out
    3032, 3168, // the server is starting or being changed
];

impl RetryClass for Failure {
    fn is_lost(&self) -> bool {
        // After a timeout, a retry would only wait for as long again.
        matches!(self, Self::Server(error) if is_lost(error) && !is_timeout(error))
    }

    fn is_conflict(&self) -> bool {
        self.code() == Some(DEADLOCK)
    }
}

impl Failure {
    /// Converts the failure of a COMMIT: if the connection was lost, the outcome of the transaction is unknown.
    pub(crate) fn during_commit(self) -> Self {
        match self {
            Self::Server(error) if is_lost(&error) => Self::InDoubt(error),
            other => other,
        }
    }

    /// Whether a row with this key exists already.
    pub(crate) fn is_duplicate(&self) -> bool {
        self.code() == Some(DUPLICATE)
    }

    fn code(&self) -> Option<u16> {
        match self {
            Self::Server(mysql::Error::MySqlError(error)) => Some(error.code),
            _ => None,
        }
    }

    /// Converts the failure into the error of the store. `task` is the attempted task, such as `adding jobs`.
    pub(crate) fn explain(self, address: &str, task: &str) -> Error {
        let is_missing = self.code() == Some(NO_SUCH_TABLE);
        let (kind, message, source) = match self {
            Self::Refused(error) if error.plugin().is_some() => return error,
            Self::Refused(error) => return error.with_plugin(STORE_NAME),
            Self::InDoubt(error) => {
                let message = format!(
                    "{task}: the connection to the server at {address} was lost during COMMIT, so the outcome is unknown"
                );
                (ErrorKind::Unavailable, message, error)
            }
            Self::Server(error) if is_timeout(&error) => {
                let message = format!("{task}: the server at {address} did not answer in time");
                (ErrorKind::Unavailable, message, error)
            }
            Self::Server(error) if is_missing => {
                let message = format!(
                    "{task}: a table of the job store is missing on the server at {address}"
                );
                (ErrorKind::StoreReplaced, message, error)
            }
            Self::Server(error) => {
                (kind(&error), format!("{task} failed on the server at {address}"), error)
            }
        };
        Error::new(kind, message).with_plugin(STORE_NAME).with_source(cause(source))
    }
}

/// Returns the error of a failed attempt to connect.
pub(crate) fn no_connection(address: &str, error: mysql::Error) -> Error {
    let message = match &error {
        mysql::Error::MySqlError(_) => format!("the server at {address} refused the connection"),
        _ => format!("can't connect to the server at {address}"),
    };
    let kind = match &error {
        mysql::Error::DriverError(DriverError::CouldNotConnect(_)) => ErrorKind::Unavailable,
        error => kind(error),
    };
    Error::new(kind, message).with_plugin(STORE_NAME).with_source(cause(error))
}

/// Returns the text of an error without the driver's prefixes: the driver's errors have themselves as their source.
fn cause(error: mysql::Error) -> CauseText {
    CauseText::new(match error {
        mysql::Error::IoError(error) => error.to_string(),
        mysql::Error::CodecError(error) => error.to_string(),
        mysql::Error::MySqlError(error) => error.to_string(),
        mysql::Error::DriverError(DriverError::CouldNotConnect(Some((_, reason, _)))) => reason,
        mysql::Error::DriverError(error) => error.to_string(),
        mysql::Error::UrlError(error) => error.to_string(),
        error => error.to_string(),
    })
}

/// Returns the error of an attempt to connect that timed out.
pub(crate) fn connect_timed_out(address: &str) -> Error {
    let message = format!("can't connect to the server at {address} in time");
    Error::new(ErrorKind::Unavailable, message).with_plugin(STORE_NAME)
}

fn is_lost(error: &mysql::Error) -> bool {
    match error {
        mysql::Error::IoError(_) | mysql::Error::CodecError(_) => true,
        mysql::Error::DriverError(error) => {
            matches!(error, DriverError::Timeout | DriverError::PacketOutOfSync)
        }
        mysql::Error::MySqlError(error) => CLOSED.contains(&error.code),
        _ => false,
    }
}

fn is_timeout(error: &mysql::Error) -> bool {
    let kind = match error {
        mysql::Error::IoError(error) => error.kind(),
        _ => return false,
    };
    matches!(kind, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn kind(error: &mysql::Error) -> ErrorKind {
    let is_temporary = match error {
        mysql::Error::MySqlError(error) => {
            error.code == DEADLOCK || TEMPORARY.contains(&error.code)
        }
        mysql::Error::DriverError(error) => {
            matches!(error, DriverError::ConnectTimeout | DriverError::CouldNotConnect(_))
        }
        _ => false,
    };
    if is_temporary || is_lost(error) { ErrorKind::Unavailable } else { ErrorKind::Store }
}

#[cfg(test)]
mod tests {
    use mysql::error::MySqlError;

    use super::*;

    fn server_error(code: u16) -> Failure {
        Failure::Server(mysql::Error::MySqlError(MySqlError {
            state: "HY000".to_owned(),
            message: "said".to_owned(),
            code,
        }))
    }

    fn broken(kind: io::ErrorKind) -> Failure {
        Failure::Server(mysql::Error::IoError(kind.into()))
    }

    #[test]
    fn temporary_errors_are_retryable() {
        for failure in [
            server_error(DEADLOCK),
            server_error(1053),
            server_error(1205),
            server_error(1290),
            broken(io::ErrorKind::ConnectionReset),
            broken(io::ErrorKind::WouldBlock),
        ] {
            let error = failure.explain("db:1/jobs", "adding jobs");
            assert!(error.is_retryable(), "{}", error.chain());
            assert!(error.to_string().contains("db:1/jobs"), "{error}");
        }
        // A missing permission, a refused row.
        for code in [1044, 1142, 4025] {
            let error = server_error(code).explain("db:1/jobs", "adding jobs");
            assert_eq!(error.kind(), ErrorKind::Store);
        }
    }

    #[test]
    fn a_missing_table_is_reported_as_a_replacement() {
        let error = server_error(NO_SUCH_TABLE).explain("db:1/jobs", "adding jobs");
        assert_eq!(error.kind(), ErrorKind::StoreReplaced);
    }

    #[test]
    fn errors_show_their_cause_once() {
        let error = server_error(1142).explain("db:1/jobs", "adding jobs");
        assert_eq!(error.chain().matches("said").count(), 1, "{}", error.chain());
    }

    #[test]
    fn an_interrupted_commit_is_not_retried() {
        for failure in [broken(io::ErrorKind::ConnectionReset), server_error(1053)] {
            assert!(failure.is_lost());
            let failure = failure.during_commit();
            assert!(!failure.is_lost() && !failure.is_conflict());
            let error = failure.explain("db:1/jobs", "adding jobs");
            assert!(error.to_string().contains("the outcome is unknown"), "{error}");
        }
        assert!(server_error(DEADLOCK).during_commit().is_conflict(), "everything was rolled back");
        assert!(!broken(io::ErrorKind::WouldBlock).is_lost(), "a timeout is not retried");
    }
}
