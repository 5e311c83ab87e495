//! Opens a database read-only.

use std::fs;
use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::failure::Failure;
use crate::options::{Config, Location};
use crate::place::{existing, log_of};
use crate::schema;
use crate::session::{Database, Session};

/// Opens the database read-only. If it or the table does not exist, there are no jobs.
pub(crate) fn open(config: &Config) -> Result<Session, Failure> {
    let Location::File(path) = &config.location else { return Ok(Session::Empty) };
    if let Ok(None) = existing(fs::metadata(path)) {
        tracing::warn!("{} does not exist, so there are no jobs", config.location);
        return Ok(Session::Empty);
    }
    let connection = match with_locks(path) {
        Err(error) if needs_to_write(&error) => match without_locks(path) {
            Some(Ok(connection)) => connection,
            // The first error names the reason.
            _ => return Err(error.into()),
        },
        opened => opened?,
    };
    connection.busy_timeout(config.busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(32);
    if schema::check(&connection, &config.tablename)? {
        return Ok(Session::Open(Database::read_only(connection)));
    }
    let (location, table) = (&config.location, &config.tablename);
    tracing::warn!("{location} has no table `{table}`, so there are no jobs");
    Ok(Session::Empty)
}

/// Opens the database as others do. If others have it open, this neither waits for them nor delays them.
fn with_locks(path: &Path) -> rusqlite::Result<Connection> {
    // Without SQLITE_OPEN_URI: a path that begins with `file:` is a path too.
    verified(Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | MUTEX))
}

/// Opens a database with a write-ahead log that no process has open, in a directory where SQLite can't create its shared
/// memory file. No process can write without that file, so no locks are needed: a log is read through an index in memory,
/// and a database without a log does not change.
fn without_locks(path: &Path) -> Option<rusqlite::Result<Connection>> {
    let log = fs::metadata(log_of(path)).is_ok_and(|log| log.len() > 0);
    if !log {
        let uri = uri(path, "immutable=1")?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | MUTEX;
        return Some(verified(Connection::open_with_flags(uri, flags)));
    }
    if cfg!(not(unix)) {
        return None;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | MUTEX;
    let opened = Connection::open_with_flags_and_vfs(path, flags, c"unix-none");
    Some(verified(opened.and_then(|connection| {
        connection.query_row("PRAGMA locking_mode = EXCLUSIVE", [], |_| Ok(()))?;
        Ok(connection)
    })))
}

const MUTEX: OpenFlags = OpenFlags::SQLITE_OPEN_NO_MUTEX;

/// Reads something: only then does SQLite open the file.
fn verified(opened: rusqlite::Result<Connection>) -> rusqlite::Result<Connection> {
    let connection = opened?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

fn needs_to_write(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied)
    )
}

/// Returns the path as a URI with this parameter.
#[cfg(unix)]
fn uri(path: &Path, parameter: &str) -> Option<String> {
    use std::fmt::Write as _;
    use std::os::unix::ffi::OsStrExt as _;

    let mut uri = "file:".to_owned();
    for byte in std::path::absolute(path).ok()?.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => uri.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            byte => write!(uri, "%{byte:02x}").ok()?,
        }
    }
    Some(format!("{uri}?{parameter}"))
}

#[cfg(not(unix))]
fn uri(_path: &Path, _parameter: &str) -> Option<String> {
    None
}
