//! From rows to records and back.

use apscheduler_core::Error;
use apscheduler_core::ErrorKind;
use apscheduler_core::store::{JobRecord, JobState};
use apscheduler_core::time::Timestamp;
use chrono::DateTime;
use tokio_postgres::Row;

use crate::WHAT;
use crate::failure::Failure;

/// The columns of a record, in the order in which [`record`] reads them.
pub(crate) const COLUMNS: &str = "id, next_run_time, revision, job_state";

/// The record that a row of [`COLUMNS`] holds.
pub(crate) fn record(row: &Row) -> Result<JobRecord, Failure> {
    Ok(JobRecord {
        id: row.try_get::<_, &str>(0)?.into(),
        next_run_time: row.try_get::<_, Option<i64>>(1)?.map(timestamp),
        revision: row.try_get::<_, i64>(2)?.cast_unsigned(),
        state: JobState::Encoded(row.try_get::<_, &str>(3)?.into()),
    })
}

/// The instant. A number that a careless hand wrote may be beyond what instants can be.
pub(crate) fn timestamp(micros: i64) -> Timestamp {
    let end = if micros < 0 { Timestamp::MIN_UTC } else { Timestamp::MAX_UTC };
    DateTime::from_timestamp_micros(micros).unwrap_or(end)
}

/// As it stands in the database.
pub(crate) fn micros(time: Timestamp) -> i64 {
    time.timestamp_micros()
}

/// How many rows are asked for.
pub(crate) fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The text of a state. This store says that it serializes, so it is never handed another.
pub(crate) fn text<'a>(id: &str, state: &'a JobState) -> Result<&'a str, Error> {
    state.as_text().ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, "this store keeps jobs as text")
            .with_plugin(WHAT)
            .with_job_id(id)
    })
}
