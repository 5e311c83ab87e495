//! How a database is opened by those who only look at it.

use std::fs;
use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::failure::Failure;
use crate::options::{Checked, Location, SqliteOptions};
use crate::place::{existing, log_of};
use crate::schema;
use crate::session::{Database, Session};

/// Opens the database for reading. Where there is none, or none with the table, it has no jobs.
pub(crate) fn open(options: &SqliteOptions, checked: &Checked) -> Result<Session, Failure> {
    let Location::File(path) = &checked.location else { return Ok(Session::Empty) };
    if let Ok(None) = existing(fs::metadata(path)) {
        tracing::warn!("{} does not exist, so there are no jobs", checked.location);
        return Ok(Session::Empty);
    }
    let connection = match plainly(path) {
        Err(error) if needs_to_write(&error) => match without_locks(path) {
            Some(Ok(connection)) => connection,
            // The first error says what stood in the way.
            _ => return Err(error.into()),
        },
        opened => opened?,
    };
    connection.busy_timeout(checked.busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(32);
    if schema::check(&connection, &options.tablename)? {
        return Ok(Session::Open(Database::read_only(connection)));
    }
    let (location, table) = (&checked.location, &options.tablename);
    tracing::warn!("{location} has no table `{table}`, so there are no jobs");
    Ok(Session::Empty)
}

/// As everybody else. Where others have the database open, this waits for nobody and disturbs nobody.
fn plainly(path: &Path) -> rusqlite::Result<Connection> {
    // Without SQLITE_OPEN_URI: a path is a path, whatever it begins with.
    tried(Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | MUTEX))
}

/// A database with a write-ahead log that nobody has open: SQLite would have to make a file beside it, and can't. Nobody who
/// writes could be there without that file, so no locks are needed: what the log has is read by an index in memory, and a
/// database without a log is as it stands there.
fn without_locks(path: &Path) -> Option<rusqlite::Result<Connection>> {
    let log = fs::metadata(log_of(path)).is_ok_and(|log| log.len() > 0);
    if !log {
        let uri = uri(path, "immutable=1")?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | MUTEX;
        return Some(tried(Connection::open_with_flags(uri, flags)));
    }
    if cfg!(not(unix)) {
        return None;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | MUTEX;
    let opened = Connection::open_with_flags_and_vfs(path, flags, c"unix-none");
    Some(tried(opened.and_then(|connection| {
        connection.query_row("PRAGMA locking_mode = EXCLUSIVE", [], |_| Ok(()))?;
        Ok(connection)
    })))
}

const MUTEX: OpenFlags = OpenFlags::SQLITE_OPEN_NO_MUTEX;

/// SQLite looks at the file when something is read.
fn tried(opened: rusqlite::Result<Connection>) -> rusqlite::Result<Connection> {
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

/// The path as a URI with this parameter.
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
