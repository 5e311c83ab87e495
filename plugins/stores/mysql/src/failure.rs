//! What can go wrong between us and the server, and what to do about it.

use std::{fmt, io};

use apscheduler_core::{Error, ErrorKind};
use apscheduler_plugin_kit::store::RetryClass;
use mysql::DriverError;

use crate::WHAT;

/// Why a call failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The client or the server says so.
    Server(mysql::Error),
    /// The connection was lost during COMMIT: nobody knows whether it was carried out.
    InDoubt(mysql::Error),
    /// The store itself refuses; the connection is fine.
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

/// The server ended the connection, or is about to end.
static ENDED: [u16; 10] = [
    1053, // it shuts down
    1077, 1078, 1079, // the same, in its log
    1158, 1159, 1160, 1161, // it could not read or write a packet
    1927, // MariaDB: somebody killed the connection
    4031, // MySQL: it was idle for too long
];

/// What may pass by itself.
static PASSING: [u16; 21] = [
    1021, 1030, 1114, // no room on the disk, or in the table
    1037, 1038, 1041, // no memory
    1040, 1203, 1226, // too many connections, or more than the user may have
    1129, // too many failed attempts from this host
    1180, // COMMIT failed
    1205, // another transaction holds a lock for too long
    1290, 1792, 1836, 1845, // read-only
    1317, 1969, 3024, // the statement was ended by somebody, or took too long
    3032, 3168, // the server is being brought up or changed
];

impl RetryClass for Failure {
    fn is_lost(&self) -> bool {
        // Who waited in vain for an answer does not wait for it once more.
        matches!(self, Self::Server(error) if is_lost(error) && !is_timeout(error))
    }

    fn is_conflict(&self) -> bool {
        self.code() == Some(DEADLOCK)
    }
}

impl Failure {
    /// What COMMIT says: a connection that is lost then leaves it open what became of the transaction.
    pub(crate) fn of_commit(self) -> Self {
        match self {
            Self::Server(error) if is_lost(&error) => Self::InDoubt(error),
            other => other,
        }
    }

    /// Whether a row with that key is there already.
    pub(crate) fn is_duplicate(&self) -> bool {
        self.code() == Some(DUPLICATE)
    }

    fn code(&self) -> Option<u16> {
        match self {
            Self::Server(mysql::Error::MySqlError(error)) => Some(error.code),
            _ => None,
        }
    }

    /// What the caller of the store is told. `task` is what was tried: `adding jobs`.
    pub(crate) fn explain(self, address: &str, task: &str) -> Error {
        let is_gone = self.code() == Some(NO_SUCH_TABLE);
        let (kind, message, source) = match self {
            Self::Refused(error) if error.plugin().is_some() => return error,
            Self::Refused(error) => return error.with_plugin(WHAT),
            Self::InDoubt(error) => {
                let message = format!(
                    "{task}: the connection to the server at {address} was lost during COMMIT, so it may or may not be done"
                );
                (ErrorKind::Unavailable, message, error)
            }
            Self::Server(error) if is_timeout(&error) => {
                let message = format!("{task}: the server at {address} does not answer in time");
                (ErrorKind::Unavailable, message, error)
            }
            Self::Server(error) if is_gone => {
                let message =
                    format!("{task}: a table of the jobs is gone from the server at {address}");
                (ErrorKind::StoreReplaced, message, error)
            }
            Self::Server(error) => {
                (kind(&error), format!("{task} failed on the server at {address}"), error)
            }
        };
        Error::new(kind, message).with_plugin(WHAT).with_source(Said::by(source))
    }
}

/// The server can't be reached, or does not let us in.
pub(crate) fn no_connection(address: &str, error: mysql::Error) -> Error {
    let message = match &error {
        mysql::Error::MySqlError(_) => format!("the server at {address} refuses the connection"),
        _ => format!("can't connect to the server at {address}"),
    };
    let kind = match &error {
        mysql::Error::DriverError(DriverError::CouldNotConnect(_)) => ErrorKind::Unavailable,
        error => kind(error),
    };
    Error::new(kind, message).with_plugin(WHAT).with_source(Said::by(error))
}

/// What the client or the server said, once: errors of the client name their kind, and have themselves for a cause.
#[derive(Debug)]
struct Said(String);

impl Said {
    fn by(error: mysql::Error) -> Self {
        Self(match error {
            mysql::Error::IoError(error) => error.to_string(),
            mysql::Error::CodecError(error) => error.to_string(),
            mysql::Error::MySqlError(error) => error.to_string(),
            mysql::Error::DriverError(DriverError::CouldNotConnect(Some((_, reason, _)))) => reason,
            mysql::Error::DriverError(error) => error.to_string(),
            mysql::Error::UrlError(error) => error.to_string(),
            error => error.to_string(),
        })
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Said {}

/// The server does not answer the attempt to connect.
pub(crate) fn connecting_takes_too_long(address: &str) -> Error {
    let message = format!("can't connect to the server at {address} in time");
    Error::new(ErrorKind::Unavailable, message).with_plugin(WHAT)
}

fn is_lost(error: &mysql::Error) -> bool {
    match error {
        mysql::Error::IoError(_) | mysql::Error::CodecError(_) => true,
        mysql::Error::DriverError(error) => {
            matches!(error, DriverError::Timeout | DriverError::PacketOutOfSync)
        }
        mysql::Error::MySqlError(error) => ENDED.contains(&error.code),
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
    let is_passing = match error {
        mysql::Error::MySqlError(error) => error.code == DEADLOCK || PASSING.contains(&error.code),
        mysql::Error::DriverError(error) => {
            matches!(error, DriverError::ConnectTimeout | DriverError::CouldNotConnect(_))
        }
        _ => false,
    };
    if is_passing || is_lost(error) { ErrorKind::Unavailable } else { ErrorKind::Store }
}

#[cfg(test)]
mod tests {
    use mysql::error::MySqlError;

    use super::*;

    fn said(code: u16) -> Failure {
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
    fn what_may_pass_is_retryable() {
        for failure in [
            said(DEADLOCK),
            said(1053),
            said(1205),
            said(1290),
            broken(io::ErrorKind::ConnectionReset),
            broken(io::ErrorKind::WouldBlock),
        ] {
            let error = failure.explain("db:1/jobs", "adding jobs");
            assert!(error.is_retryable(), "{}", error.chain());
            assert!(error.to_string().contains("db:1/jobs"), "{error}");
        }
        // A right that is missing, a row that is refused.
        for code in [1044, 1142, 4025] {
            let error = said(code).explain("db:1/jobs", "adding jobs");
            assert_eq!(error.kind(), ErrorKind::Store);
        }
    }

    #[test]
    fn a_table_that_is_gone_is_told_as_such() {
        let error = said(NO_SUCH_TABLE).explain("db:1/jobs", "adding jobs");
        assert_eq!(error.kind(), ErrorKind::StoreReplaced);
    }

    #[test]
    fn errors_do_not_repeat_themselves() {
        let error = said(1142).explain("db:1/jobs", "adding jobs");
        assert_eq!(error.chain().matches("said").count(), 1, "{}", error.chain());
    }

    #[test]
    fn a_commit_that_was_cut_off_is_not_tried_again() {
        for failure in [broken(io::ErrorKind::ConnectionReset), said(1053)] {
            assert!(failure.is_lost());
            let failure = failure.of_commit();
            assert!(!failure.is_lost() && !failure.is_conflict());
            let error = failure.explain("db:1/jobs", "adding jobs");
            assert!(error.to_string().contains("may or may not be done"), "{error}");
        }
        assert!(said(DEADLOCK).of_commit().is_conflict(), "all was rolled back");
        assert!(!broken(io::ErrorKind::WouldBlock).is_lost(), "it is not waited for once more");
    }
}
