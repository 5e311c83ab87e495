//! Notice of what others change: a look at a counter of SQLite's.

use std::sync::{Arc, Mutex, TryLockError};
use std::time::Duration;

use apscheduler_core::store::{ChangeNotifier, Watch};
use apscheduler_core::{Error, ErrorKind, Result};
use rusqlite::Connection;

use crate::options::Location;
use crate::session::Session;

/// Looks every so often whether there is another version than the one that was seen.
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
            // A call is under way, which may wait for others: the next look will do.
            Err(TryLockError::WouldBlock) => return Ok(false),
        };
        let Session::Open(database) = &*session else { return Ok(false) };
        if database.check(&location).is_err() {
            // The next claim finds out more, and says so.
            return Ok(true);
        }
        let now = data_version(&database.connection).map_err(|error| {
            Error::new(ErrorKind::Unavailable, "can't look for changes").with_source(error)
        })?;
        Ok(std::mem::replace(&mut seen, now) != now)
    })
}

/// The version that a connection sees. It changes with the writes of others alone.
pub(crate) fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}
