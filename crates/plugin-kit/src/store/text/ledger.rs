//! The text form of records, owners and journal entries.

use std::borrow::Cow;
use std::sync::Arc;

use apscheduler_core::ledger::{
    Batch, BatchId, Journal, OwnerRecord, OwnerState, Reason, RunRecord, RunState,
};
use apscheduler_core::run::Owner;
use apscheduler_core::time::{duration_from_micros, duration_to_micros, from_micros, to_micros};
use apscheduler_core::{Error, ErrorKind, Result};
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

/// Who an owner is.
#[derive(Serialize, Deserialize)]
struct OwnerText<'a> {
    name: Cow<'a, str>,
    host: Cow<'a, str>,
    pid: u32,
}

/// Returns the key of a record: `RUN ATTEMPT`.
pub fn run_text(record: &RunRecord) -> String {
    format!("{} {}", record.run_id, record.attempt)
}

/// Returns a record as `STATE {...}`, or `STATE+LATE {...}`.
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

/// Reads what [`record_text`] returned about a run, given as `RUN ATTEMPT`. Returns `None` if a manual edit broke it.
pub fn read_record(run: &str, job: Arc<str>, value: &[u8]) -> Option<RunRecord> {
    let (run, attempt) = run.split_once(' ')?;
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
    let (run, owner) = (run.parse().ok()?, text.owner.parse().ok()?);
    let mut record = RunRecord::new(run, job, from_micros(text.scheduled), owner, state)
        .attempt(attempt.parse().ok()?)
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

/// Returns the name, the host and the process of an owner.
pub fn owner_text(owner: &Owner) -> String {
    let text =
        OwnerText { name: (&*owner.name).into(), host: (&*owner.host).into(), pid: owner.pid };
    serde_json::to_string(&text).unwrap_or_default()
}

/// Returns the record of an owner, without its identifier, as [`read_owner`] reads it: `STATE HEARTBEAT LEASE {...}`. Heartbeat
/// and lease are in microseconds.
pub fn owner_record_text(record: &OwnerRecord) -> String {
    let OwnerRecord { owner, state, heartbeat, lease, .. } = record;
    let (heartbeat, lease) = (to_micros(*heartbeat), duration_to_micros(*lease));
    format!("{} {heartbeat} {lease} {}", state.name(), owner_text(owner))
}

/// Reads an owner from its identifier and `STATE HEARTBEAT LEASE {...}`. Returns `None` if a manual edit broke it.
pub fn read_owner(id: &str, value: &str) -> Option<OwnerRecord> {
    let mut words = value.splitn(4, ' ');
    let state = OwnerState::from_name(words.next()?)?;
    let heartbeat = from_micros(words.next()?.parse().ok()?);
    let lease = duration_from_micros(words.next()?.parse().ok()?);
    let OwnerText { name, host, pid } = serde_json::from_str(words.next()?).ok()?;
    let owner = Owner::with_id(id.parse().ok()?, name, host, pid);
    Some(OwnerRecord::new(owner, state, heartbeat, lease))
}

/// Returns what precedes the entries of a batch: `OWNER CLAIMED`.
pub fn batch_text(batch: Batch) -> String {
    format!("{} {}", batch.owner, to_micros(batch.claimed))
}

/// Returns the entry of a batch in the journal: `OWNER CLAIMED ENTRIES`.
pub fn journal_text(journal: &Journal) -> String {
    format!("{} {}", batch_text(journal.batch), journal.encode())
}

/// Reads what [`journal_text`] returned.
///
/// # Errors
/// [`ErrorKind::Store`] if it is damaged.
pub fn read_journal(id: BatchId, value: &[u8]) -> Result<Journal> {
    let value = String::from_utf8_lossy(value);
    let mut words = value.splitn(3, ' ');
    let mut batch = || {
        let (owner, claimed) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some(Batch::with_id(id, owner, from_micros(claimed)))
    };
    let batch = batch().ok_or_else(|| {
        let message = format!("the journal entry {id} is damaged");
        Error::new(ErrorKind::Store, message)
    })?;
    Journal::decode(batch, words.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use apscheduler_core::run::{OwnerId, RunId};

    use super::*;

    fn record() -> RunRecord {
        let time = from_micros(1_800_000_000_000_001);
        RunRecord::new(RunId::new(time), "a", time, OwnerId::random(), RunState::Lost)
    }

    fn read(record: &RunRecord, text: &str) -> Option<RunRecord> {
        read_record(&run_text(record), Arc::clone(&record.job_id), text.as_bytes())
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
        assert_eq!(read_record("run", "a".into(), record_text(&record).as_bytes()), None);
        assert_eq!(read_owner("me", "alive 1 2 {}"), None);
        let batch = RunId::new(from_micros(0));
        for text in ["", "me 1 []", "00000000-0000-0000-0000-000000000000 1 [[1]]"] {
            let error = read_journal(batch, text.as_bytes()).unwrap_err();
            assert!(error.to_string().contains("is damaged"), "{error}");
        }
    }
}
