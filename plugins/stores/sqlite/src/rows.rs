//! Reads records from rows. A row that a manual edit broke is a record too: the scheduler sets it aside.

use std::sync::Arc;

use apscheduler_core::store::{JobPayload, JobRecord};
use apscheduler_core::time::{Timestamp, from_micros, to_micros};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Params, Row};

use crate::failure::Failure;

/// The columns that [`read`] reads, in its order.
pub(crate) const COLUMNS: &str = "number, id, next_run_time, revision, job_state";

/// The columns of a record of the ledger, in the order in which they are read and written.
pub(crate) const RUN_COLUMNS: &str = "run_id, attempt, job_id, scheduled, until, count, state, reason, owner, claimed, \
     started, ended, duration, result, error, late";

/// The columns of an open run, in the order in which they are read and written.
pub(crate) const OPEN_COLUMNS: &str =
    "run_id, attempt, job_id, scheduled, state, owner, due, cancel, data";

/// A record with the number of its row.
pub(crate) struct RowRecord {
    pub(crate) number: i64,
    pub(crate) record: JobRecord,
}

/// Reads the record from a row of [`COLUMNS`].
pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<RowRecord> {
    let next_run_time = match row.get_ref(2)? {
        ValueRef::Integer(micros) => Some(from_micros(micros)),
        _ => None,
    };
    let revision = match row.get_ref(3)? {
        ValueRef::Integer(revision) => revision.cast_unsigned(),
        _ => 0,
    };
    Ok(RowRecord {
        number: row.get(0)?,
        record: JobRecord::new(
            text(row.get_ref(1)?),
            next_run_time,
            revision,
            JobPayload::Encoded(text(row.get_ref(4)?)),
        ),
    })
}

/// Reads any value as text.
fn text(value: ValueRef<'_>) -> Arc<str> {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into(),
        ValueRef::Integer(number) => number.to_string().into(),
        ValueRef::Real(number) => number.to_string().into(),
        ValueRef::Null => "".into(),
    }
}

/// Calls `keep` with each row of a query.
pub(crate) fn collect(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    mut keep: impl FnMut(RowRecord),
) -> Result<(), Failure> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(values)?;
    while let Some(row) = rows.next()? {
        keep(read(row)?);
    }
    Ok(())
}

pub(crate) fn micros(time: Option<Timestamp>) -> Option<i64> {
    time.map(to_micros)
}

pub(crate) fn sql_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
