//! The open database of a started store, and the check whether it is still the file at its path.
//!
//! A database may be replaced while it is open: a backup is moved into its place, a link is changed, the file is deleted.
//! SQLite continues with the open file, which others no longer see, so every run could happen twice. Therefore each call
//! compares the open file with the one at the path.

use std::path::PathBuf;
use std::time::Duration;

use apscheduler_core::{Error, ErrorKind};
use apscheduler_plugin_kit::store::Replacement;
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::connection::{self, LockTimeout};
use crate::failure::{self, Failure};
use crate::names::STORE_NAME;
use crate::options::{Config, Location};
use crate::place::{FileId, log_of};

/// The state of a store.
#[derive(Debug, Default)]
pub(crate) enum Session {
    /// Not started, or shut down.
    #[default]
    Closed,
    /// Started.
    Open(Database),
    /// Started read-only, and there is no database or no table.
    Empty,
    /// The open file was replaced or deleted.
    Lost,
}

/// An open database.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) connection: Connection,
    /// `None` if it can't be replaced, or if that does not matter.
    file: Option<File>,
}

#[derive(Debug)]
struct File {
    /// Absolute, so that it does not depend on the working directory.
    path: PathBuf,
    database: FileId,
    /// The write-ahead log, if there is one.
    log: Option<FileId>,
}

impl Database {
    /// Opens or creates the database, and creates or migrates its tables.
    pub(crate) fn open(config: &Config, lock_timeout: &LockTimeout) -> Result<Self, Failure> {
        let Location::File(path) = &config.location else {
            let connection = connection::open(config, lock_timeout)?;
            return Ok(Self { connection, file: None });
        };
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let file_id = || FileId::at(&path).map_err(|error| unreadable(&config.location, error));
        loop {
            let before = file_id()?;
            let connection = connection::open(config, lock_timeout)?;
            // If it was the same before and after, it is the one that was opened.
            if let (Some(before), Some(after)) = (before, file_id()?)
                && before == after
            {
                let log = FileId::at(&log_of(&path)).ok().flatten();
                let file = File { path, database: after, log };
                return Ok(Self { connection, file: Some(file) });
            }
        }
    }

    /// A database that is only read, for a short time.
    pub(crate) fn read_only(connection: Connection) -> Self {
        Self { connection, file: None }
    }

    /// Returns an error if the file at the path is not the open one.
    pub(crate) fn check(&self, location: &Location) -> Result<(), Moved> {
        let Some(file) = &self.file else { return Ok(()) };
        match FileId::at(&file.path) {
            Ok(Some(found)) if found == file.database => Ok(()),
            Ok(Some(_)) => Err(Moved::Replaced),
            Ok(None) => Err(Moved::Deleted),
            Err(error) => Err(Moved::Unknown(unreadable(location, error))),
        }
    }

    /// Empties the write-ahead log of the replaced file, which SQLite would take for that of the new file.
    ///
    /// A process that has the new file open already may write to that log too. So it is emptied only under an exclusive lock.
    fn empty_old_log(&self) -> Result<(), rusqlite::Error> {
        let Some(File { path, log: Some(log), .. }) = &self.file else { return Ok(()) };
        if FileId::at(&log_of(path)).ok().flatten() != Some(*log) {
            return Ok(());
        }
        let flags =
            rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let new = Connection::open_with_flags(path, flags)?;
        // The contents of the log must not get into the new file.
        new.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        new.busy_timeout(Duration::ZERO)?;
        new.query_row("PRAGMA locking_mode = EXCLUSIVE", [], |_| Ok(()))?;
        match new.execute_batch("BEGIN EXCLUSIVE") {
            Ok(()) => {}
            Err(error) if failure::is_busy(&error) => return Ok(()),
            Err(error) => return Err(error),
        }
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        new.execute_batch("ROLLBACK")
    }
}

/// Why the file at the path is not known to be the open one.
#[derive(Debug)]
pub(crate) enum Moved {
    /// There is another file.
    Replaced,
    /// There is no file.
    Deleted,
    /// The path can't be read now.
    Unknown(Error),
}

impl Session {
    /// Returns the open database if it is the one at its path, or `None` if there is none to read.
    ///
    /// If it was replaced, this opens the new one, and fails once. If it was deleted, this fails, and the next call opens or
    /// creates another.
    pub(crate) fn database(
        &mut self,
        config: &Config,
        lock_timeout: &LockTimeout,
        replacement: &Replacement,
    ) -> Result<Option<&mut Database>, Failure> {
        let location = &config.location;
        match self {
            Self::Closed => {
                return Err(Error::new(ErrorKind::NotRunning, "the job store is not started")
                    .with_plugin(STORE_NAME)
                    .into());
            }
            Self::Empty | Self::Lost => {}
            Self::Open(database) => match database.check(location) {
                Ok(()) => {}
                Err(Moved::Unknown(error)) => return Err(error.into()),
                Err(Moved::Deleted) => {
                    *self = Self::Lost;
                    let message = format!("{location} was deleted or moved away while it was open");
                    return Err(Error::new(ErrorKind::Unavailable, message)
                        .with_plugin(STORE_NAME)
                        .into());
                }
                Err(Moved::Replaced) => {
                    if let Err(error) = database.empty_old_log() {
                        tracing::warn!(
                            "the write-ahead log of {location} may belong to the file that was there before: {error}"
                        );
                    }
                    *self = Self::Lost;
                }
            },
        }
        if let Self::Lost = self {
            *self = Self::Open(Database::open(config, lock_timeout)?);
            let message = format!("{location} was replaced by another file");
            return Err(replacement.found(message).with_plugin(STORE_NAME).into());
        }
        Ok(match self {
            Self::Open(database) => Some(database),
            Self::Closed | Self::Empty | Self::Lost => None,
        })
    }

    /// Closes the database.
    pub(crate) fn close(&mut self) -> Result<(), rusqlite::Error> {
        match std::mem::take(self) {
            Self::Open(database) => database.connection.close().map_err(|(_, error)| error),
            Self::Closed | Self::Empty | Self::Lost => Ok(()),
        }
    }
}

fn unreadable(location: &Location, error: std::io::Error) -> Error {
    let message = format!("can't read the path of {location}");
    Error::new(ErrorKind::Unavailable, message).with_plugin(STORE_NAME).with_source(error)
}
