//! The rows of records of runs.

use std::sync::Arc;

use apscheduler_core::ledger::{Reason, RunRecord, RunState};
use apscheduler_core::time::{duration_from_micros, duration_to_micros, from_micros, to_micros};
use serde_json::{Value, json};
use tokio_postgres::Row;

use crate::failure::Failure;
use crate::rows::parsed;

/// The columns of a record, in the order in which [`read`] reads them. To use an index, a query has to order by the column of
/// the table, as in `run.run_id`: `run_id` alone is the text.
pub(crate) const COLUMNS: &str = "run_id::text, attempt, job_id, scheduled, until, count, state, reason, owner::text, claimed, \
     started, ended, duration, result, error, late";

/// The columns of a record as those of a list in JSON.
pub(crate) const FIELDS: &str = "run_id uuid, attempt integer, job_id text, scheduled bigint, until bigint, count bigint, state text, \
     reason text, owner uuid, claimed bigint, started bigint, ended bigint, duration bigint, result text, error text, late text";

/// Returns a record as a row in JSON.
pub(crate) fn row(record: &RunRecord) -> Value {
    // PostgreSQL keeps no zero byte in text.
    let text = |text: &Option<Arc<str>>| text.as_deref().map(|text| text.replace('\0', "\u{fffd}"));
    json!({
        "run_id": record.run_id,
        "attempt": record.attempt,
        "job_id": &*record.job_id,
        "scheduled": to_micros(record.scheduled_run_time),
        "until": record.until.map(to_micros),
        "count": record.count,
        "state": record.state.name(),
        "reason": record.reason.map(Reason::name),
        "owner": record.owner,
        "claimed": record.claimed.map(to_micros),
        "started": record.started.map(to_micros),
        "ended": record.ended.map(to_micros),
        "duration": record.duration.map(duration_to_micros),
        "result": text(&record.result),
        "error": text(&record.error),
        "late": record.late.map(RunState::name),
    })
}

pub(crate) fn read(row: &Row) -> Result<RunRecord, Failure> {
    let time = |index| row.try_get::<_, Option<i64>>(index).map(|time| time.map(from_micros));
    let text = |index| row.try_get::<_, Option<&str>>(index);
    let state = RunState::from_name(row.try_get(6)?).unwrap_or(RunState::Failed);
    let mut record = RunRecord::new(
        parsed(row, 0)?,
        row.try_get::<_, &str>(2)?,
        from_micros(row.try_get::<_, i64>(3)?),
        parsed(row, 8)?,
        state,
    )
    .attempt(row.try_get::<_, i32>(1)?.cast_unsigned())
    .reason(text(7)?.and_then(Reason::from_name))
    .claimed(time(9)?)
    .started(time(10)?)
    .ended(time(11)?)
    .duration(row.try_get::<_, Option<i64>>(12)?.map(duration_from_micros));
    (record.until, record.count) = (time(4)?, row.try_get::<_, i64>(5)?.cast_unsigned());
    (record.result, record.error) = (text(13)?.map(Arc::from), text(14)?.map(Arc::from));
    record.late = text(15)?.and_then(RunState::from_name);
    Ok(record)
}
