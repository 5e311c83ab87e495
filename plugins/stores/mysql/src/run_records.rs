//! The rows of records of runs.

use std::sync::Arc;

use apscheduler_core::ledger::{Reason, RunRecord, RunState};
use apscheduler_core::time::{duration_from_micros, duration_to_micros, from_micros, to_micros};
use mysql::Row;

use crate::failure::Failure;
use crate::rows::{parsed, text, value};
use crate::statements::{literal, number};

/// The columns of a record, in the order in which [`read`] reads them and [`row`] writes them.
pub(crate) const COLUMNS: &str = "run_id, attempt, job_id, scheduled, until, count, state, reason, owner, claimed, started, ended, \
     duration, result, error, late";

/// Returns a record as a row of literals.
pub(crate) fn row(record: &RunRecord) -> String {
    let text = |text: Option<&str>| text.map_or_else(|| "NULL".to_owned(), literal);
    let columns = [
        literal(&String::from(record.run_id)),
        record.attempt.to_string(),
        literal(&record.job_id),
        to_micros(record.scheduled_run_time).to_string(),
        number(record.until.map(to_micros)),
        record.count.to_string(),
        literal(record.state.name()),
        text(record.reason.map(Reason::name)),
        literal(&String::from(record.owner)),
        number(record.claimed.map(to_micros)),
        number(record.started.map(to_micros)),
        number(record.ended.map(to_micros)),
        number(record.duration.map(duration_to_micros)),
        text(record.result.as_deref()),
        text(record.error.as_deref()),
        text(record.late.map(RunState::name)),
    ];
    format!("({})", columns.join(", "))
}

pub(crate) fn read(row: &Row) -> Result<RunRecord, Failure> {
    let time = |column| value::<Option<i64>>(row, column).map(|time| time.map(from_micros));
    let string = |column| -> Result<Option<Arc<str>>, Failure> {
        Ok(value::<Option<Vec<u8>>>(row, column)?.map(|bytes| text(&bytes)))
    };
    let state = string(6)?.and_then(|state| RunState::from_name(&state));
    let mut record = RunRecord::new(
        parsed(row, 0)?,
        text(&value::<Vec<u8>>(row, 2)?),
        from_micros(value(row, 3)?),
        parsed(row, 8)?,
        state.unwrap_or(RunState::Failed),
    )
    .attempt(value(row, 1)?)
    .reason(string(7)?.and_then(|reason| Reason::from_name(&reason)))
    .claimed(time(9)?)
    .started(time(10)?)
    .ended(time(11)?)
    .duration(value::<Option<i64>>(row, 12)?.map(duration_from_micros));
    (record.until, record.count) = (time(4)?, value::<i64>(row, 5)?.cast_unsigned());
    (record.result, record.error) = (string(13)?, string(14)?);
    record.late = string(15)?.and_then(|late| RunState::from_name(&late));
    Ok(record)
}
