//! Notice of what others change: a look at a counter of SQLite's.

use std::sync::{Arc, Mutex, TryLockError};
use std::time::Duration;

use apscheduler_core::store::{ChangeNotifier, Watch};
use apscheduler_core::{Error, ErrorKind, Result};
use rusqlite::Connection;

/// Looks every so often whether there is another version than the one that was seen.
pub(crate) fn start(
    connection: Arc<Mutex<Option<Connection>>>,
    mut seen: i64,
    every: Duration,
    changed: ChangeNotifier,
) -> Result<Watch> {
    Watch::poll(every, changed, move || {
        let connection = match connection.try_lock() {
            Ok(connection) => connection,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // A call is under way, which may wait for others: the next look will do.
            Err(TryLockError::WouldBlock) => return Ok(false),
        };
        let Some(connection) = connection.as_ref() else { return Ok(false) };
        let now = data_version(connection).map_err(|error| {
            Error::new(ErrorKind::Unavailable, "can't look for changes").with_source(error)
        })?;
        Ok(std::mem::replace(&mut seen, now) != now)
    })
}

/// The version that a connection sees. It changes with the writes of others alone.
pub(crate) fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}
