//! What goes wrong with a database, in words.

use std::fmt;
use std::time::Duration;

use apscheduler_core::{Error, ErrorKind};
use rusqlite::{ErrorCode, ffi};

use crate::options::{Location, WHAT};

/// What went wrong in a call: something that SQLite says, or something that we say.
#[derive(Debug)]
pub(crate) enum Failure {
    Sqlite(rusqlite::Error),
    Told(Error),
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
        Self::Told(error)
    }
}

impl Failure {
    /// The error for the caller.
    pub(crate) fn explain(self, location: &Location, busy_timeout: Duration) -> Error {
        match self {
            Self::Told(error) => error,
            Self::Moved => {
                let message = format!("{location} was replaced or deleted while jobs were claimed");
                Error::new(ErrorKind::Unavailable, message).with_plugin(WHAT)
            }
            Self::Sqlite(error) => explain(error, location, busy_timeout),
        }
    }
}

/// Whether an insertion met a row with the same id.
pub(crate) fn is_conflict(error: &rusqlite::Error) -> bool {
    let codes = [ffi::SQLITE_CONSTRAINT_UNIQUE, ffi::SQLITE_CONSTRAINT_PRIMARYKEY];
    error.sqlite_error().is_some_and(|error| codes.contains(&error.extended_code))
}

/// Whether the table is gone.
pub(crate) fn is_missing_table(failure: &Failure) -> bool {
    let Failure::Sqlite(error) = failure else { return false };
    let message = match error {
        rusqlite::Error::SqliteFailure(_, message) => message.as_deref(),
        rusqlite::Error::SqlInputError { msg, .. } => Some(msg.as_str()),
        _ => None,
    };
    // SQLite has no code of its own for that.
    message.is_some_and(|message| message.starts_with("no such table: "))
}

/// Whether another process holds a lock.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    let codes = [ErrorCode::DatabaseBusy, ErrorCode::DatabaseLocked];
    error.sqlite_error_code().is_some_and(|code| codes.contains(&code))
}

fn explain(error: rusqlite::Error, location: &Location, busy_timeout: Duration) -> Error {
    use ErrorKind::{Store, Unavailable};

    let say = |kind, message| Error::new(kind, message).with_plugin(WHAT);
    // What SQLite says of these is the same in other words.
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            let waited = busy_timeout.as_secs_f64();
            say(Unavailable, format!("{location} is locked by another process; waited {waited} s"))
        }
        Some(ErrorCode::CannotOpen) => {
            let error = say(Unavailable, format!("{location} can't be opened"));
            match why_it_can_not_be_opened(location) {
                Some(reason) => error.with_source(reason),
                None => error,
            }
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            say(Unavailable, format!("{location} can't be written to"))
        }
        Some(ErrorCode::DiskFull) => say(Unavailable, format!("no space is left for {location}")),
        Some(ErrorCode::NotADatabase) => say(Store, format!("{location} is no SQLite database")),
        Some(ErrorCode::DatabaseCorrupt) => say(Store, format!("{location} is damaged")),
        Some(
            ErrorCode::SystemIoFailure
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::OutOfMemory,
        ) => say(Unavailable, format!("{location} can't be read or written"))
            .with_source(Said::by(error)),
        _ => say(Store, format!("{location} refuses")).with_source(Said::by(error)),
    }
}

/// What the system says, where SQLite only says that it did not work.
fn why_it_can_not_be_opened(location: &Location) -> Option<std::io::Error> {
    let Location::File(path) = location else { return None };
    std::fs::OpenOptions::new().read(true).write(true).open(path).err()
}

/// What SQLite said, once: its errors have themselves for a cause, in other words.
#[derive(Debug)]
struct Said(String);

impl Said {
    fn by(error: rusqlite::Error) -> Self {
        Self(match error {
            rusqlite::Error::SqliteFailure(error, Some(message)) => {
                format!("{message} (code {})", error.extended_code)
            }
            rusqlite::Error::SqliteFailure(error, None) => error.to_string(),
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
