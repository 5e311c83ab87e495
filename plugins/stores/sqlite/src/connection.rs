//! How the database is opened.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use apscheduler_core::{Error, ErrorKind};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::Synchronous;
use crate::failure::{self, Failure};
use crate::options::{Checked, Location, SqliteOptions, WHAT};
use crate::schema;

/// How long it is waited between two attempts to get the write lock.
const RETRY: Duration = Duration::from_millis(1);

/// How long to wait for a lock.
#[derive(Debug)]
pub(crate) struct Patience {
    timeout: Duration,
    /// The store is being shut down.
    is_over: AtomicBool,
}

impl Patience {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self { timeout, is_over: AtomicBool::new(false) }
    }

    /// Has calls that wait for a lock give up, or not any more.
    pub(crate) fn end(&self, is_over: bool) {
        self.is_over.store(is_over, Ordering::Release);
    }

    fn has_ended(&self, since: Instant) -> bool {
        self.is_over.load(Ordering::Acquire) || since.elapsed() >= self.timeout
    }
}

/// Begins a transaction that has the write lock.
///
/// SQLite waits up to 0.1 s between its own attempts. Whoever writes again and again would let nobody in between for
/// seconds.
pub(crate) fn begin_write<'a>(
    connection: &'a Connection,
    patience: &Patience,
) -> Result<Transaction<'a>, rusqlite::Error> {
    let since = Instant::now();
    connection.busy_timeout(Duration::ZERO)?;
    let begun = loop {
        match Transaction::new_unchecked(connection, TransactionBehavior::Immediate) {
            Err(error) if failure::is_busy(&error) && !patience.has_ended(since) => {
                std::thread::sleep(RETRY);
            }
            begun => break begun,
        }
    };
    connection.busy_timeout(patience.timeout)?;
    begun
}

/// A connection to a database that has the tables.
pub(crate) fn open(
    options: &SqliteOptions,
    checked: &Checked,
    patience: &Patience,
) -> Result<Connection, Failure> {
    let mut connection = match &checked.location {
        Location::Memory => Connection::open_in_memory()?,
        Location::File(path) => open_file(path, options.synchronous, checked, patience)?,
    };
    connection.set_prepared_statement_cache_capacity(32);
    schema::prepare(&mut connection, &options.tablename)?;
    Ok(connection)
}

fn open_file(
    path: &Path,
    synchronous: Synchronous,
    checked: &Checked,
    patience: &Patience,
) -> Result<Connection, Failure> {
    check_folder(path)?;
    // Without SQLITE_OPEN_URI: a path is a path, whatever it begins with.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(checked.busy_timeout)?;
    if connection.is_readonly("main")? {
        let message = format!("{} can't be written to", checked.location);
        return Err(Error::new(ErrorKind::Unavailable, message).with_plugin(WHAT).into());
    }
    use_write_ahead_log(&connection, checked, patience)?;
    // A larger cache, and fewer checkpoints of more pages each: claims are a third faster.
    connection.execute_batch(&format!(
        "PRAGMA synchronous = {};
         PRAGMA cache_size = -16000;
         PRAGMA wal_autocheckpoint = 4000;
         PRAGMA journal_size_limit = 67108864;",
        synchronous.pragma()
    ))?;
    Ok(connection)
}

/// With it, readers and the writer do not wait for each other.
fn use_write_ahead_log(
    connection: &Connection,
    checked: &Checked,
    patience: &Patience,
) -> Result<(), Failure> {
    let since = Instant::now();
    loop {
        let mode =
            connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0));
        match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => {
                tracing::warn!(
                    "{} can't have a write-ahead log here (it has `{mode}`), so readers and writers wait for each \
                     other",
                    checked.location
                );
                return Ok(());
            }
            // Of several processes that switch at once, SQLite lets none wait by itself.
            Err(error) if failure::is_busy(&error) && !patience.has_ended(since) => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Says it where the folder of the file is missing: SQLite itself has one message for all that can't be opened.
fn check_folder(path: &Path) -> Result<(), Error> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder {
        Some(folder) if !folder.is_dir() => {
            let message = format!("the directory `{}` does not exist", folder.display());
            Err(Error::new(ErrorKind::Unavailable, message).with_plugin(WHAT))
        }
        _ => Ok(()),
    }
}
