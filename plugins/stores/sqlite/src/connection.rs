//! Opens the database for writing, and waits for its locks.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use apscheduler_core::{Error, ErrorKind};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::failure::{self, Failure};
use crate::names::STORE_NAME;
use crate::options::{Config, Location};
use crate::schema;

/// The pause between two attempts to get the write lock.
const RETRY: Duration = Duration::from_millis(1);

/// How long to wait for a lock: until a timeout, or until the store is shut down.
#[derive(Debug)]
pub(crate) struct LockTimeout {
    timeout: Duration,
    is_interrupted: AtomicBool,
}

impl LockTimeout {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self { timeout, is_interrupted: AtomicBool::new(false) }
    }

    /// Sets whether calls that wait for a lock give up at once.
    pub(crate) fn interrupt(&self, is_interrupted: bool) {
        self.is_interrupted.store(is_interrupted, Ordering::Release);
    }

    fn has_ended(&self, since: Instant) -> bool {
        self.is_interrupted.load(Ordering::Acquire) || since.elapsed() >= self.timeout
    }
}

/// Begins a transaction that has the write lock.
///
/// SQLite waits up to 0.1 s between its own attempts, so a process that writes again and again could lock others out for
/// seconds.
pub(crate) fn begin_write<'a>(
    connection: &'a Connection,
    lock_timeout: &LockTimeout,
) -> Result<Transaction<'a>, rusqlite::Error> {
    let since = Instant::now();
    connection.busy_timeout(Duration::ZERO)?;
    let begun = loop {
        match Transaction::new_unchecked(connection, TransactionBehavior::Immediate) {
            Err(error) if failure::is_busy(&error) && !lock_timeout.has_ended(since) => {
                std::thread::sleep(RETRY);
            }
            begun => break begun,
        }
    };
    connection.busy_timeout(lock_timeout.timeout)?;
    begun
}

/// Opens a connection, and creates or migrates the tables.
pub(crate) fn open(config: &Config, lock_timeout: &LockTimeout) -> Result<Connection, Failure> {
    let mut connection = match &config.location {
        Location::Memory => Connection::open_in_memory()?,
        Location::File(path) => open_file(path, config, lock_timeout)?,
    };
    connection.set_prepared_statement_cache_capacity(32);
    schema::prepare(&mut connection, &config.tablename)?;
    Ok(connection)
}

fn open_file(
    path: &Path,
    config: &Config,
    lock_timeout: &LockTimeout,
) -> Result<Connection, Failure> {
    check_folder(path)?;
    // Without SQLITE_OPEN_URI: a path that begins with `file:` is a path too.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(config.busy_timeout)?;
    if connection.is_readonly("main")? {
        let message = format!("{} can't be written to", config.location);
        return Err(Error::new(ErrorKind::Unavailable, message).with_plugin(STORE_NAME).into());
    }
    use_write_ahead_log(&connection, config, lock_timeout)?;
    // A larger cache, and fewer checkpoints of more pages each: claims are a third faster.
    connection.execute_batch(&format!(
        "PRAGMA synchronous = {};
         PRAGMA cache_size = -16000;
         PRAGMA wal_autocheckpoint = 4000;
         PRAGMA journal_size_limit = 67108864;",
        config.synchronous.pragma()
    ))?;
    Ok(connection)
}

/// Turns the write-ahead log on: with it, readers and the writer do not wait for each other.
fn use_write_ahead_log(
    connection: &Connection,
    config: &Config,
    lock_timeout: &LockTimeout,
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
                    config.location
                );
                return Ok(());
            }
            // SQLite itself does not wait when several processes switch at the same time.
            Err(error) if failure::is_busy(&error) && !lock_timeout.has_ended(since) => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Returns an error if the directory of the file is missing: SQLite has one message for everything it can't open.
fn check_folder(path: &Path) -> Result<(), Error> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder {
        Some(folder) if !folder.is_dir() => {
            let message = format!("the directory `{}` does not exist", folder.display());
            Err(Error::new(ErrorKind::Unavailable, message).with_plugin(STORE_NAME))
        }
        _ => Ok(()),
    }
}
