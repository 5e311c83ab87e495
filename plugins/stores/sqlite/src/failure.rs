//! Failures of calls to SQLite, and the errors made from them.

use std::time::Duration;

use apscheduler_core::{Error, ErrorKind};
use apscheduler_plugin_kit::store::CauseText;
use rusqlite::{ErrorCode, ffi};

use crate::names::STORE_NAME;
use crate::options::Location;

/// Why a call failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An error from SQLite.
    Sqlite(rusqlite::Error),
    /// The store itself refuses.
    Refused(Error),
    /// The file was replaced or deleted during the call, which changed nothing.
    Moved,
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl Failure {
    /// Converts the failure into the error of the store.
    pub(crate) fn explain(self, location: &Location, busy_timeout: Duration) -> Error {
        match self {
            Self::Refused(error) => error,
            Self::Moved => {
                let message = format!("{location} was replaced or deleted while jobs were claimed");
                Error::new(ErrorKind::Unavailable, message).with_plugin(STORE_NAME)
            }
            Self::Sqlite(error) => explain(error, location, busy_timeout),
        }
    }
}

/// Whether a row with the same id exists already.
pub(crate) fn is_conflict(error: &rusqlite::Error) -> bool {
    let codes = [ffi::SQLITE_CONSTRAINT_UNIQUE, ffi::SQLITE_CONSTRAINT_PRIMARYKEY];
    error.sqlite_error().is_some_and(|error| codes.contains(&error.extended_code))
}

/// Whether the table is missing.
pub(crate) fn is_missing_table(failure: &Failure) -> bool {
    let Failure::Sqlite(error) = failure else { return false };
    let message = match error {
        rusqlite::Error::SqliteFailure(_, message) => message.as_deref(),
        rusqlite::Error::SqlInputError { msg, .. } => Some(msg.as_str()),
        _ => None,
    };
    // SQLite has no error code for this.
    message.is_some_and(|message| message.starts_with("no such table: "))
}

/// Whether another process holds a lock.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    let codes = [ErrorCode::DatabaseBusy, ErrorCode::DatabaseLocked];
    error.sqlite_error_code().is_some_and(|code| codes.contains(&code))
}

fn explain(error: rusqlite::Error, location: &Location, busy_timeout: Duration) -> Error {
    use ErrorKind::{Store, Unavailable};

    let error_of = |kind, message| Error::new(kind, message).with_plugin(STORE_NAME);
    // Without SQLite's own text where it would only repeat the message.
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            let waited = busy_timeout.as_secs_f64();
            error_of(
                Unavailable,
                format!("{location} is locked by another process; waited {waited} s"),
            )
        }
        Some(ErrorCode::CannotOpen) => {
            let error = error_of(Unavailable, format!("{location} can't be opened"));
            match reason_it_cannot_be_opened(location) {
                Some(reason) => error.with_source(reason),
                None => error,
            }
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            error_of(Unavailable, format!("{location} can't be written to"))
        }
        Some(ErrorCode::DiskFull) => {
            error_of(Unavailable, format!("no space is left for {location}"))
        }
        Some(ErrorCode::NotADatabase) => {
            error_of(Store, format!("{location} is not a SQLite database"))
        }
        Some(ErrorCode::DatabaseCorrupt) => error_of(Store, format!("{location} is damaged")),
        Some(
            ErrorCode::SystemIoFailure
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::OutOfMemory,
        ) => error_of(Unavailable, format!("{location} can't be read or written"))
            .with_source(cause(error)),
        _ => error_of(Store, format!("{location} refused the call")).with_source(cause(error)),
    }
}

/// Returns the system's error for a file that SQLite can't open.
fn reason_it_cannot_be_opened(location: &Location) -> Option<std::io::Error> {
    let Location::File(path) = location else { return None };
    std::fs::OpenOptions::new().read(true).write(true).open(path).err()
}

/// Returns the text of an error once: SQLite's errors have themselves as their source, in other words.
fn cause(error: rusqlite::Error) -> CauseText {
    CauseText::new(match error {
        rusqlite::Error::SqliteFailure(error, Some(message)) => {
            format!("{message} (code {})", error.extended_code)
        }
        rusqlite::Error::SqliteFailure(error, None) => error.to_string(),
        error => error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(code: i32) -> Error {
        let failure = Failure::from(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        failure.explain(&Location::File("/x/jobs.sqlite".into()), Duration::from_millis(1500))
    }

    #[test]
    fn temporary_errors_are_retryable() {
        for (code, expected) in [
            (ffi::SQLITE_BUSY, "is locked by another process; waited 1.5 s"),
            (ffi::SQLITE_BUSY_SNAPSHOT, "is locked"),
            (ffi::SQLITE_LOCKED, "is locked"),
            (ffi::SQLITE_IOERR, "can't be read or written"),
            (ffi::SQLITE_IOERR_FSYNC, "can't be read or written"),
            (ffi::SQLITE_FULL, "no space is left for the database `/x/jobs.sqlite`"),
            (ffi::SQLITE_CANTOPEN, "can't be opened"),
            (ffi::SQLITE_READONLY, "can't be written to"),
        ] {
            let error = explained(code);
            assert!(error.is_retryable(), "{error}");
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            assert!(error.to_string().contains(expected), "{error}");
            assert!(error.to_string().contains("/x/jobs.sqlite"), "{error}");
        }
    }

    #[test]
    fn permanent_errors_are_not_retryable() {
        for (code, expected) in [
            (ffi::SQLITE_NOTADB, "is not a SQLite database"),
            (ffi::SQLITE_CORRUPT, "is damaged"),
            (ffi::SQLITE_CONSTRAINT_CHECK, "refused the call"),
            (ffi::SQLITE_ERROR, "refused the call"),
        ] {
            let error = explained(code);
            assert_eq!(error.kind(), ErrorKind::Store);
            assert!(!error.is_retryable());
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn only_a_taken_id_is_a_conflict() {
        let error = |code| rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
        assert!(is_conflict(&error(ffi::SQLITE_CONSTRAINT_UNIQUE)));
        assert!(!is_conflict(&error(ffi::SQLITE_CONSTRAINT_CHECK)));
        assert!(!is_conflict(&error(ffi::SQLITE_CONSTRAINT_NOTNULL)));
    }
}
