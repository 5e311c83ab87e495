//! Names records.

use apscheduler_core::ledger::RunRecord;

use super::super::time::{Seconds, since_start};

/// Names a record.
pub(in super::super) fn describe(record: &RunRecord) -> String {
    let time = Seconds(since_start(record.scheduled_run_time));
    let attempt = match record.attempt {
        1 => String::new(),
        number => format!(", attempt {number},"),
    };
    format!("the record of {} at {time}{attempt} as {}", record.job_id, record.state)
}
