//! Records of runs as text.

use std::borrow::Cow;
use std::sync::Arc;

use apscheduler_core::ledger::{Reason, RunRecord, RunState};
use apscheduler_core::run::RunId;
use apscheduler_core::time::{duration_from_micros, duration_to_micros, from_micros, to_micros};
use serde::{Deserialize, Serialize};

/// A record without its run, attempt, job and state. Times are in microseconds since 1970, the duration is in microseconds.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct RecordText<'a> {
    scheduled: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'a, str>>,
    owner: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    claimed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Cow<'a, str>>,
}

/// Returns a record as `STATE {...}`, or as `STATE+LATE {...}`, without its run, attempt and job. Times and lengths of time
/// are in microseconds.
pub fn record_text(record: &RunRecord) -> String {
    let text = RecordText {
        scheduled: to_micros(record.scheduled_run_time),
        until: record.until.map(to_micros),
        count: (record.count != 1).then_some(record.count),
        reason: record.reason.map(|reason| reason.name().into()),
        owner: record.owner.to_string(),
        claimed: record.claimed.map(to_micros),
        started: record.started.map(to_micros),
        ended: record.ended.map(to_micros),
        duration: record.duration.map(duration_to_micros),
        result: record.result.as_deref().map(Cow::Borrowed),
        error: record.error.as_deref().map(Cow::Borrowed),
    };
    // Text and numbers are always valid JSON.
    let text = serde_json::to_string(&text).unwrap_or_default();
    match record.late {
        Some(late) => format!("{}+{late} {text}", record.state),
        None => format!("{} {text}", record.state),
    }
}

/// Reads what [`record_text`] returned, for this attempt of a run. Returns `None` if a manual edit broke it.
pub fn read_record(run: RunId, attempt: u32, job: Arc<str>, value: &[u8]) -> Option<RunRecord> {
    let value = String::from_utf8_lossy(value);
    let (states, text) = value.split_once(' ')?;
    let (state, late) = match states.split_once('+') {
        Some((state, late)) => (state, RunState::from_name(late)),
        None => (states, None),
    };
    let text: RecordText<'_> = serde_json::from_str(text).ok()?;
    let time = |micros: Option<i64>| micros.map(from_micros);
    // A state of a later release is shown as failed rather than left out.
    let state = RunState::from_name(state).unwrap_or(RunState::Failed);
    let owner = text.owner.parse().ok()?;
    let mut record = RunRecord::new(run, job, from_micros(text.scheduled), owner, state)
        .attempt(attempt)
        .reason(text.reason.and_then(|reason| Reason::from_name(&reason)))
        .claimed(time(text.claimed))
        .started(time(text.started))
        .ended(time(text.ended))
        .duration(text.duration.map(duration_from_micros));
    (record.until, record.count) = (time(text.until), text.count.unwrap_or(1));
    (record.result, record.error) = (text.result.map(Arc::from), text.error.map(Arc::from));
    record.late = late;
    Some(record)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use apscheduler_core::run::OwnerId;

    use super::*;

    fn record() -> RunRecord {
        let time = from_micros(1_800_000_000_000_001);
        RunRecord::new(RunId::new(time), "a", time, OwnerId::random(), RunState::Lost)
    }

    fn read(record: &RunRecord, text: &str) -> Option<RunRecord> {
        read_record(record.run_id, record.attempt, Arc::clone(&record.job_id), text.as_bytes())
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let mut record = record().attempt(12).duration(Duration::from_micros(7)).error("a\n+ b");
        record =
            record.until(from_micros(i64::MAX), u64::MAX).reason(Reason::Late).result("\"\0\"");
        assert_eq!(read(&record, &record_text(&record)), Some(record.clone()));
        record.late = Some(RunState::TimedOut);
        let text = record_text(&record);
        assert!(text.starts_with("lost+timed_out {\"scheduled\":1800000000000001,"), "{text}");
        assert_eq!(read(&record, &text), Some(record));
    }

    #[test]
    fn what_a_later_release_adds_is_left_out() {
        let record = record();
        let text = record_text(&record).replace("lost {", "suspended {\"tries\":[1],");
        let read = read(&record, &text).unwrap();
        assert_eq!((read.state, read.owner), (RunState::Failed, record.owner));
    }

    #[test]
    fn damaged_text_is_no_record() {
        let record = record();
        for text in ["", "ok", "ok {", "ok {\"owner\":\"me\"}", "{}"] {
            assert_eq!(read(&record, text), None, "{text}");
        }
    }
}
