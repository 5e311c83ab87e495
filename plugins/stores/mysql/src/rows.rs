//! Reads records from rows.

use std::sync::Arc;

use apscheduler_core::store::{JobPayload, JobRecord};
use apscheduler_core::time::from_micros;
use apscheduler_core::{Error, ErrorKind};
use mysql::Row;
use mysql::prelude::FromValue;

use crate::failure::Failure;

/// The columns of a record, in the order in which [`record`] reads them.
pub(crate) const COLUMNS: &str = "id, next_run_time, revision, job_state";

/// Reads the record from a row of [`COLUMNS`].
pub(crate) fn record(row: &Row) -> Result<JobRecord, Failure> {
    Ok(JobRecord::new(
        text(&value::<Vec<u8>>(row, 0)?),
        value::<Option<i64>>(row, 1)?.map(from_micros),
        value::<i64>(row, 2)?.cast_unsigned(),
        JobPayload::Encoded(text(&value::<Vec<u8>>(row, 3)?)),
    ))
}

/// Reads a column.
pub(crate) fn value<T: FromValue>(row: &Row, column: usize) -> Result<T, Failure> {
    let value = row.get_opt(column).transpose()?;
    value.ok_or_else(|| {
        Error::new(ErrorKind::Store, format!("the server sent no column {column}")).into()
    })
}

pub(crate) fn text(bytes: &[u8]) -> Arc<str> {
    String::from_utf8_lossy(bytes).into()
}

/// Reads an identifier.
pub(crate) fn parsed<T: std::str::FromStr<Err = Error>>(
    row: &Row,
    column: usize,
) -> Result<T, Failure> {
    Ok(text(&value::<Vec<u8>>(row, column)?).parse()?)
}
