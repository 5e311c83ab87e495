//! From rows to records.

use apscheduler_core::store::{JobPayload, JobRecord};
use apscheduler_core::time::from_micros;
use tokio_postgres::Row;

use crate::failure::Failure;

/// The columns of a record, in the order in which [`record`] reads them.
pub(crate) const COLUMNS: &str = "id, next_run_time, revision, job_state";

/// The record that a row of [`COLUMNS`] holds.
pub(crate) fn record(row: &Row) -> Result<JobRecord, Failure> {
    Ok(JobRecord {
        id: row.try_get::<_, &str>(0)?.into(),
        next_run_time: row.try_get::<_, Option<i64>>(1)?.map(from_micros),
        revision: row.try_get::<_, i64>(2)?.cast_unsigned(),
        payload: JobPayload::Encoded(row.try_get::<_, &str>(3)?.into()),
    })
}

/// How many rows are asked for.
pub(crate) fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
