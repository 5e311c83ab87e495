//! What a started store has open, and whether that is still the file at its path.
//!
//! A database may be replaced while it is open: a backup is moved into its place, a link leads elsewhere, somebody deletes
//! it. SQLite goes on with the file that it has open, which others do not see any more, so every fire could run twice.
//! Each call therefore compares the file that is open with the one at the path.

use std::path::PathBuf;
use std::time::Duration;

use apscheduler_core::{Error, ErrorKind};
use apscheduler_plugin_kit::store::Replacement;
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::connection::{self, Patience};
use crate::failure::{self, Failure};
use crate::options::{Checked, Location, SqliteOptions, WHAT};
use crate::place::{FileId, log_of};

/// What a store has.
#[derive(Debug, Default)]
pub(crate) enum Session {
    /// It was not started, or was shut down.
    #[default]
    Closed,
    Open(Database),
    /// It is open for reading, and there are no jobs yet.
    Empty,
    /// The file that was open is gone.
    Lost,
}

/// An open database.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) connection: Connection,
    /// `None` where it can't be replaced, or where that does not matter.
    file: Option<File>,
}

#[derive(Debug)]
struct File {
    /// Absolute, so that it does not depend on the working directory.
    path: PathBuf,
    database: FileId,
    /// The write-ahead log, where there is one.
    log: Option<FileId>,
}

impl Database {
    /// Opens the database, makes it where there is none, and brings its tables up to date.
    pub(crate) fn open(
        options: &SqliteOptions,
        checked: &Checked,
        patience: &Patience,
    ) -> Result<Self, Failure> {
        let Location::File(path) = &checked.location else {
            let connection = connection::open(options, checked, patience)?;
            return Ok(Self { connection, file: None });
        };
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let look = || FileId::at(&path).map_err(|error| unreadable(&checked.location, error));
        loop {
            let before = look()?;
            let connection = connection::open(options, checked, patience)?;
            // Where it was the same before and after, it is the one that was opened.
            if let (Some(before), Some(after)) = (before, look()?)
                && before == after
            {
                let log = FileId::at(&log_of(&path)).ok().flatten();
                let file = File { path, database: after, log };
                return Ok(Self { connection, file: Some(file) });
            }
        }
    }

    /// One that is only read, for a moment.
    pub(crate) fn read_only(connection: Connection) -> Self {
        Self { connection, file: None }
    }

    /// Fails where the file at the path is not the one that is open.
    pub(crate) fn check(&self, location: &Location) -> Result<(), Moved> {
        let Some(file) = &self.file else { return Ok(()) };
        match FileId::at(&file.path) {
            Ok(Some(found)) if found == file.database => Ok(()),
            Ok(Some(_)) => Err(Moved::Replaced),
            Ok(None) => Err(Moved::Gone),
            Err(error) => Err(Moved::Unknown(unreadable(location, error))),
        }
    }

    /// Empties the write-ahead log that the new file finds beside it, and that belongs to the old one. SQLite would take it
    /// for that of the new file.
    ///
    /// Whoever has the new file open already may write to that log too. So it is emptied only while nobody has, which the
    /// exclusive lock says.
    fn leave_no_log(&self) -> Result<(), rusqlite::Error> {
        let Some(File { path, log: Some(log), .. }) = &self.file else { return Ok(()) };
        if FileId::at(&log_of(path)).ok().flatten() != Some(*log) {
            return Ok(());
        }
        let flags =
            rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let new = Connection::open_with_flags(path, flags)?;
        // What it finds in the log must not get into the new file.
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

/// The file at the path is not the one that is open.
#[derive(Debug)]
pub(crate) enum Moved {
    Replaced,
    Gone,
    /// Nobody can say, for now.
    Unknown(Error),
}

impl Session {
    /// The open database, if it is the one at its path; `None` where there is none to read.
    ///
    /// Where it was replaced, this opens the new one, and fails once. Where it is gone, this fails, and the next call opens
    /// or makes another.
    pub(crate) fn database(
        &mut self,
        options: &SqliteOptions,
        checked: &Checked,
        patience: &Patience,
        replacement: &Replacement,
    ) -> Result<Option<&mut Database>, Failure> {
        let location = &checked.location;
        match self {
            Self::Closed => {
                return Err(Error::new(ErrorKind::NotRunning, "the job store is not started")
                    .with_plugin(WHAT)
                    .into());
            }
            Self::Empty | Self::Lost => {}
            Self::Open(database) => match database.check(location) {
                Ok(()) => {}
                Err(Moved::Unknown(error)) => return Err(error.into()),
                Err(Moved::Gone) => {
                    *self = Self::Lost;
                    let message = format!("{location} was deleted or moved away while it was open");
                    return Err(Error::new(ErrorKind::Unavailable, message)
                        .with_plugin(WHAT)
                        .into());
                }
                Err(Moved::Replaced) => {
                    if let Err(error) = database.leave_no_log() {
                        tracing::warn!(
                            "the write-ahead log of {location} may belong to the file that was there before: {error}"
                        );
                    }
                    *self = Self::Lost;
                }
            },
        }
        if let Self::Lost = self {
            *self = Self::Open(Database::open(options, checked, patience)?);
            let message = format!("{location} is another file than before");
            return Err(replacement.found(message).with_plugin(WHAT).into());
        }
        Ok(match self {
            Self::Open(database) => Some(database),
            Self::Closed | Self::Empty | Self::Lost => None,
        })
    }

    /// Closes what is open.
    pub(crate) fn close(&mut self) -> Result<(), rusqlite::Error> {
        match std::mem::take(self) {
            Self::Open(database) => database.connection.close().map_err(|(_, error)| error),
            Self::Closed | Self::Empty | Self::Lost => Ok(()),
        }
    }
}

fn unreadable(location: &Location, error: std::io::Error) -> Error {
    let message = format!("can't look at {location}");
    Error::new(ErrorKind::Unavailable, message).with_plugin(WHAT).with_source(error)
}
