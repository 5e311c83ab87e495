//! The table of the records of runs.
//!
//! The key of a record is its run and attempt, so the first outcome of a run stays, whoever writes it. Keys order the records
//! too: later runs have greater identifiers.

use std::collections::HashSet;
use std::sync::Arc;

use apscheduler_core::ledger::{Reason, RunQuery, RunRecord, RunState};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::time::{Timestamp, duration_from_micros, duration_to_micros};
use apscheduler_core::{Error, ErrorKind, Result};
use serde_json::{Map, Value, json};

use crate::client::{Term, datum, max_value, min_value};
use crate::connection::{Connection, Table};
use crate::document::{JOB_REFERENCE, hex, number, read_time, time, whole};
use crate::keys::{self, job_of, set_job};
use crate::names::{JOB, STATE, STORE_NAME};
use crate::writes::{self, Changes, LIMITS, compare_and_set, with_keys};

/// The greatest whole number that a double holds.
const EXACT: u64 = 1 << 53;

/// Returns the key of a record. Attempts begin with 1.
pub(crate) fn key(run: RunId, attempt: u32) -> String {
    format!("{}{attempt:010}", first_key(run))
}

/// Returns the bound before the records of a run.
pub(crate) fn first_key(run: RunId) -> String {
    format!("{}.", hex(run.as_u128()))
}

/// Inserts records. One that exists stays, and notes the outcome if it says that the run is lost.
pub(crate) fn insert(connection: &Connection, records: &[RunRecord]) -> Result<()> {
    for chunk in LIMITS.split(records, texts) {
        let documents = chunk.iter().map(document).collect();
        let outcome = writes::insert(connection, Table::Runs, documents, |old, _| old)?;
        if outcome.unchanged > 0 {
            note_late(connection, chunk)?;
        }
    }
    Ok(())
}

/// Writes how runs ended into those of their records that say that they are lost.
pub(crate) fn note_late(connection: &Connection, records: &[RunRecord]) -> Result<()> {
    let late: Vec<&RunRecord> =
        records.iter().filter(|record| record.state != RunState::Lost).collect();
    for chunk in late.chunks(LIMITS.items) {
        let changes: Changes = chunk
            .iter()
            .map(|record| {
                (key(record.run_id, record.attempt), json!({"late": record.state.name()}))
            })
            .collect();
        let done = compare_and_set(connection, Table::Runs, changes, |row, late| {
            let is_lost = row.clone().field("state").eq(RunState::Lost.name());
            let is_first = row.clone().has_field("late").not();
            is_lost.and(is_first).branch(row.clone().merge(late.clone()), row.clone())
        })?;
        done.check(connection)?;
    }
    Ok(())
}

/// Returns the records that match a query.
pub(crate) fn ended(connection: &Connection, query: &RunQuery) -> Result<Vec<RunRecord>> {
    if query.limit == 0 {
        return Ok(Vec::new());
    }
    let to = query.before.map_or_else(max_value, |run| first_key(run).into());
    let runs = connection.committed(Table::Runs);
    let by = match query {
        RunQuery { run_id: Some(_), .. } => None,
        RunQuery { job_id: Some(job), .. } => Some((JOB, keys::key(job))),
        RunQuery { states, .. } if states.len() == 1 => Some((STATE, states[0].name().to_owned())),
        _ => None,
    };
    let runs = match (by, query.run_id) {
        (Some((index, value)), _) => {
            let at = |bound: Term| Term::array([value.as_str().into(), bound]);
            let runs = runs.between(at(min_value()), at(to)).with("index", index);
            runs.order_by_desc(index)
        }
        (None, Some(run)) => {
            let end = first_key(run) + "~";
            runs.between(first_key(run), end).order_by_desc("id")
        }
        (None, None) => runs.between(min_value(), to).order_by_desc("id"),
    };
    let states: Vec<&str> = query.states.iter().map(|state| state.name()).collect();
    let job = query.job_id.as_deref().map(keys::key);
    let matching = Term::function(|row| {
        let mut all = Term::from(true);
        if !states.is_empty() {
            all = all.and(datum(json!(states)).contains(row.clone().field("state")));
        }
        if let Some(job) = &job {
            all = all.and(row.field("job").eq(job.as_str()));
        }
        all
    });
    let found = connection.rows(&runs.filter(matching).limit(query.limit))?;
    let records = found.iter().map(|document| read(document).ok_or_else(|| damaged(document)));
    let mut records: Vec<RunRecord> = records.collect::<Result<_>>()?;
    records.retain(|record| query.before.is_none_or(|before| record.run_id < before));
    Ok(records)
}

/// Returns which of these runs have a record of their first attempt.
pub(crate) fn have_ended(connection: &Connection, runs: &[RunId]) -> Result<HashSet<RunId>> {
    let mut ended = HashSet::new();
    for chunk in runs.chunks(LIMITS.items) {
        let keys: Vec<String> = chunk.iter().map(|run| key(*run, 1)).collect();
        let found = with_keys(connection.committed(Table::Runs), &keys).pluck(["id"]);
        ended.extend(connection.rows(&found)?.iter().filter_map(run_of));
    }
    Ok(ended)
}

/// Returns the bytes of the texts of a record.
pub(crate) fn texts(record: &RunRecord) -> usize {
    let optional = [&record.result, &record.error].into_iter().flatten();
    record.job_id.len() + optional.map(|text| text.len()).sum::<usize>()
}

pub(crate) fn document(record: &RunRecord) -> Value {
    let optional_time = |given: Option<Timestamp>| given.map(time);
    let text = |text: &Option<Arc<str>>| text.as_deref().map(Value::from);
    let mut document = Map::new();
    set_job(&mut document, JOB_REFERENCE, &record.job_id);
    let micros = |duration| duration_to_micros(duration).min(EXACT.cast_signed());
    let fields = [
        ("id", Some(key(record.run_id, record.attempt).into())),
        ("attempt", Some(record.attempt.into())),
        ("state", Some(record.state.name().into())),
        ("scheduled", Some(time(record.scheduled_run_time))),
        ("count", Some(record.count.min(EXACT).into())),
        ("owner", Some(hex(record.owner.as_u128()).into())),
        ("until", optional_time(record.until)),
        ("reason", record.reason.map(|reason| reason.name().into())),
        ("claimed", optional_time(record.claimed)),
        ("started", optional_time(record.started)),
        ("ended", optional_time(record.ended)),
        ("duration", record.duration.map(micros).map(Value::from)),
        ("result", text(&record.result)),
        ("error", text(&record.error)),
        ("late", record.late.map(|state| state.name().into())),
    ];
    let fields = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    document.extend(fields);
    Value::Object(document)
}

/// Returns the run of a record.
pub(crate) fn run_of(document: &Value) -> Option<RunId> {
    let (run, _) = document.get("id")?.as_str()?.split_once('.')?;
    number(&run.into()).map(RunId::from_u128)
}

pub(crate) fn read(document: &Value) -> Option<RunRecord> {
    let number_of = |name| document.get(name).and_then(whole);
    let time = |name| document.get(name).and_then(read_time);
    let text = |name| document.get(name).and_then(Value::as_str);
    let mut record = RunRecord::new(
        run_of(document)?,
        job_of(document, JOB_REFERENCE)?,
        time("scheduled")?,
        OwnerId::from_u128(document.get("owner").and_then(number)?),
        // A state of a later release is shown as failed rather than left out.
        text("state").and_then(RunState::from_name).unwrap_or(RunState::Failed),
    )
    .attempt(u32::try_from(number_of("attempt")?).ok()?)
    .reason(text("reason").and_then(Reason::from_name))
    .claimed(time("claimed"))
    .started(time("started"))
    .ended(time("ended"))
    .duration(number_of("duration").map(duration_from_micros));
    (record.until, record.count) = (time("until"), u64::try_from(number_of("count")?).ok()?);
    (record.result, record.error) = (text("result").map(Arc::from), text("error").map(Arc::from));
    record.late = text("late").and_then(RunState::from_name);
    Some(record)
}

fn damaged(document: &Value) -> Error {
    let key = document.get("id").map(Value::to_string).unwrap_or_default();
    let message = format!("the record {key} of a run is damaged");
    Error::new(ErrorKind::Store, message).with_plugin(STORE_NAME)
}
