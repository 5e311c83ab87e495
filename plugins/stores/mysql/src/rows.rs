//! From rows to records.

use std::sync::Arc;

use apscheduler_core::store::{JobPayload, JobRecord};
use apscheduler_core::time::from_micros;
use apscheduler_core::{Error, ErrorKind};
use mysql::Row;
use mysql::prelude::FromValue;

use crate::failure::Failure;

/// The columns of a record, in the order in which [`record`] reads them.
pub(crate) const COLUMNS: &str = "id, next_run_time, revision, job_state";

/// The record that a row of [`COLUMNS`] holds.
pub(crate) fn record(row: &Row) -> Result<JobRecord, Failure> {
    Ok(JobRecord {
        id: text(&value::<Vec<u8>>(row, 0)?),
        next_run_time: value::<Option<i64>>(row, 1)?.map(from_micros),
        revision: value::<i64>(row, 2)?.cast_unsigned(),
        payload: JobPayload::Encoded(text(&value::<Vec<u8>>(row, 3)?)),
    })
}

/// The value of a column.
pub(crate) fn value<T: FromValue>(row: &Row, column: usize) -> Result<T, Failure> {
    let value = row.get_opt(column).transpose()?;
    value.ok_or_else(|| {
        Error::new(ErrorKind::Store, format!("the server left column {column} out")).into()
    })
}

fn text(bytes: &[u8]) -> Arc<str> {
    String::from_utf8_lossy(bytes).into()
}
