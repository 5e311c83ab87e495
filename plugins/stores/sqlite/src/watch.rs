//! Watches for changes by other processes: polls a counter of SQLite.

use std::sync::{Arc, Mutex, TryLockError};
use std::time::Duration;

use apscheduler_core::store::{ChangeNotifier, Watch};
use apscheduler_core::{Error, ErrorKind, Result};
use rusqlite::Connection;

use crate::options::Location;
use crate::session::Session;

/// Polls for another version than the one that was seen.
pub(crate) fn start(
    session: Arc<Mutex<Session>>,
    location: Location,
    mut seen: i64,
    every: Duration,
    changed: ChangeNotifier,
) -> Result<Watch> {
    Watch::poll(every, changed, move || {
        let session = match session.try_lock() {
            Ok(session) => session,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // A call is in progress and may be waiting for others; the next poll will see it.
            Err(TryLockError::WouldBlock) => return Ok(false),
        };
        let Session::Open(database) = &*session else { return Ok(false) };
        if database.check(&location).is_err() {
            // The next claim finds the reason, and reports it.
            return Ok(true);
        }
        let now = data_version(&database.connection).map_err(|error| {
            Error::new(ErrorKind::Unavailable, "can't check for changes").with_source(error)
        })?;
        Ok(std::mem::replace(&mut seen, now) != now)
    })
}

/// Returns the version that a connection sees. It changes only with the writes of other connections.
pub(crate) fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}
