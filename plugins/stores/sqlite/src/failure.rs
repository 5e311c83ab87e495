//! What goes wrong with a database, in words.

use std::time::Duration;

use apscheduler_core::{Error, ErrorKind};
use rusqlite::{ErrorCode, ffi};

use crate::options::{Location, WHAT};

/// What went wrong in a call: something that SQLite says, or something that we say.
#[derive(Debug)]
pub(crate) enum Failure {
    Sqlite(rusqlite::Error),
    Told(Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Told(error)
    }
}

impl Failure {
    /// The error for the caller.
    pub(crate) fn explain(self, location: &Location, busy_timeout: Duration) -> Error {
        match self {
            Self::Told(error) => error,
            Self::Sqlite(error) => explain(error, location, busy_timeout),
        }
    }
}

/// Whether an insertion met a row with the same id.
pub(crate) fn is_conflict(error: &rusqlite::Error) -> bool {
    let codes = [ffi::SQLITE_CONSTRAINT_UNIQUE, ffi::SQLITE_CONSTRAINT_PRIMARYKEY];
    error.sqlite_error().is_some_and(|error| codes.contains(&error.extended_code))
}

/// Whether another process holds a lock.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    let codes = [ErrorCode::DatabaseBusy, ErrorCode::DatabaseLocked];
    error.sqlite_error_code().is_some_and(|code| codes.contains(&code))
}

fn explain(error: rusqlite::Error, location: &Location, busy_timeout: Duration) -> Error {
    use ErrorKind::{Store, Unavailable};

    let (kind, message) = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            Unavailable,
            format!(
                "{location} is locked by another process; waited {} s",
                busy_timeout.as_secs_f64()
            ),
        ),
        Some(ErrorCode::CannotOpen) => (Unavailable, format!("{location} can't be opened")),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            (Unavailable, format!("{location} can't be written to"))
        }
        Some(ErrorCode::DiskFull) => (Unavailable, format!("no space is left for {location}")),
        Some(
            ErrorCode::SystemIoFailure
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::OutOfMemory,
        ) => (Unavailable, format!("{location} can't be read or written")),
        Some(ErrorCode::NotADatabase) => (Store, format!("{location} is no SQLite database")),
        Some(ErrorCode::DatabaseCorrupt) => (Store, format!("{location} is damaged")),
        _ => (Store, format!("{location} refuses")),
    };
    Error::new(kind, message).with_plugin(WHAT).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(code: i32) -> Error {
        let failure = Failure::from(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        failure.explain(&Location::File("/x/jobs.sqlite".into()), Duration::from_millis(1500))
    }

    #[test]
    fn what_may_pass_is_retryable() {
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
    fn what_does_not_pass_is_not_retryable() {
        for (code, expected) in [
            (ffi::SQLITE_NOTADB, "is no SQLite database"),
            (ffi::SQLITE_CORRUPT, "is damaged"),
            (ffi::SQLITE_CONSTRAINT_CHECK, "refuses"),
            (ffi::SQLITE_ERROR, "refuses"),
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
