//! Reads records from rows.

use apscheduler_core::Error;
use apscheduler_core::store::{JobPayload, JobRecord};
use apscheduler_core::time::from_micros;
use tokio_postgres::Row;

use crate::failure::Failure;

/// The columns of a record, in the order in which [`record`] reads them.
pub(crate) const COLUMNS: &str = "id, next_run_time, revision, job_state";

/// Reads the record from a row of [`COLUMNS`].
pub(crate) fn record(row: &Row) -> Result<JobRecord, Failure> {
    Ok(JobRecord::new(
        row.try_get::<_, &str>(0)?,
        row.try_get::<_, Option<i64>>(1)?.map(from_micros),
        row.try_get::<_, i64>(2)?.cast_unsigned(),
        JobPayload::Encoded(row.try_get::<_, &str>(3)?.into()),
    ))
}

/// Converts a limit for SQL.
pub(crate) fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Reads an identifier.
pub(crate) fn parsed<T: std::str::FromStr<Err = Error>>(
    row: &Row,
    index: usize,
) -> Result<T, Failure> {
    Ok(row.try_get::<_, &str>(index)?.parse()?)
}
