//! The collection of the records of runs.
//!
//! The `_id` of a record is its run and attempt, so the first outcome of a run stays, whoever writes it. Its index orders the
//! records too: later runs have greater identifiers.

use std::collections::HashSet;
use std::sync::Arc;

use apscheduler_core::ledger::{Reason, Retention, RunQuery, RunRecord, RunState};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::time::{
    Timestamp, duration_from_micros, duration_to_micros, from_micros, to_micros,
};
use apscheduler_core::{Error, ErrorKind, Result};
use mongodb::bson::{Bson, Document, doc};

use crate::commands::{self, MOST_STATEMENTS, Order};
use crate::connection::Connection;
use crate::document::{number, uuid, whole};
use crate::failure::DUPLICATE_KEY;
use crate::finding::{Search, find};
use crate::names::STORE_NAME;

/// Returns the `_id` of a record. Attempts begin with 1.
pub(crate) fn key(run: RunId, attempt: u32) -> Document {
    doc! {"run": uuid(run.as_u128()), "attempt": i64::from(attempt)}
}

/// Inserts records. Returns those of which there is one already.
pub(crate) fn insert<'a>(
    connection: &Connection,
    records: &'a [RunRecord],
) -> Result<Vec<&'a RunRecord>> {
    let (mut rest, mut existing) = (records, Vec::new());
    while !rest.is_empty() {
        let (chunk, others) = commands::split(rest, texts);
        rest = others;
        let documents = chunk.iter().map(document).collect();
        let outcome = commands::run(connection, commands::insert(&connection.runs, documents))?;
        for failure in outcome.failures {
            if failure.code != DUPLICATE_KEY {
                return Err(failure.explain(&connection.address));
            }
            existing.extend(chunk.get(failure.index));
        }
    }
    Ok(existing)
}

/// Writes how runs ended into those of their records that say that they are lost.
pub(crate) fn note_late<'a>(
    connection: &Connection,
    records: impl IntoIterator<Item = &'a RunRecord>,
) -> Result<()> {
    let statements = records.into_iter().filter(|record| record.state != RunState::Lost);
    let statements = statements.map(|record| {
        let late = doc! {"$exists": false};
        let lost = doc! {
            "_id": key(record.run_id, record.attempt), "state": RunState::Lost.name(), "late": late,
        };
        doc! {"q": lost, "u": {"$set": {"late": record.state.name()}}}
    });
    let statements: Vec<Document> = statements.collect();
    for chunk in statements.chunks(MOST_STATEMENTS) {
        let command = commands::update(&connection.runs, chunk.to_vec(), Order::Any);
        if let Some(failure) = commands::run(connection, command)?.failures.first() {
            return Err(failure.explain(&connection.address));
        }
    }
    Ok(())
}

/// Returns the records that match a query.
pub(crate) fn ended(connection: &Connection, query: &RunQuery) -> Result<Vec<RunRecord>> {
    let mut filter = Document::new();
    if let Some(job) = &query.job_id {
        filter.insert("job", &**job);
    }
    if !query.states.is_empty() {
        let states: Vec<&str> = query.states.iter().map(|state| state.name()).collect();
        filter.insert("state", doc! {"$in": states});
    }
    let mut range = Document::new();
    if let Some(before) = query.before {
        range.insert("$lt", key(before, 0));
    }
    if let Some(run) = query.run_id {
        range.insert("$gte", key(run, 0));
        range.insert("$lte", key(run, u32::MAX));
    }
    if !range.is_empty() {
        filter.insert("_id", range);
    }
    let search = Search { filter, sort: doc! {"_id": -1}, limit: query.limit, ..Search::default() };
    let found = find(connection, &connection.runs, search)?;
    found.iter().map(|document| read(document).ok_or_else(|| damaged(document))).collect()
}

/// Returns which of these runs have a record of their first attempt.
pub(crate) fn have_ended(connection: &Connection, runs: &[RunId]) -> Result<HashSet<RunId>> {
    let mut ended = HashSet::new();
    for chunk in runs.chunks(MOST_STATEMENTS) {
        let keys: Vec<Document> = chunk.iter().map(|run| key(*run, 1)).collect();
        let search = Search {
            filter: doc! {"_id": {"$in": keys}},
            limit: chunk.len(),
            fields: doc! {"_id": 1},
            ..Search::default()
        };
        let found = find(connection, &connection.runs, search)?;
        ended.extend(found.iter().filter_map(run_of));
    }
    Ok(ended)
}

/// Removes up to `limit` records that the retention does not keep at `now`, the oldest first. Returns how many.
pub(crate) fn prune(
    connection: &Connection,
    now: Timestamp,
    retention: &Retention,
    limit: usize,
) -> Result<usize> {
    if limit == 0 {
        return Ok(0);
    }
    let mut ok = retention.ok_before(now);
    let surplus = Search {
        filter: doc! {"state": RunState::Ok.name()},
        sort: doc! {"_id": -1},
        skip: retention.max_ok,
        limit: 1,
        fields: doc! {"_id": 1},
    };
    if let Some(run) = find(connection, &connection.runs, surplus)?.first().and_then(run_of) {
        ok = ok.max(run.nth(1));
    }
    let old = doc! {"_id": {"$lt": key(retention.other_before(now), 0)}};
    let old_ok = doc! {"state": RunState::Ok.name(), "_id": {"$lt": key(ok, 0)}};
    let mut pipeline = vec![doc! {"$match": {"$or": [old, old_ok]}}, doc! {"$sort": {"_id": 1}}];
    if let Some(others) = retention.keep_last.checked_sub(1) {
        pipeline.extend(not_among_the_last(connection, others));
    }
    pipeline.push(doc! {"$limit": i64::try_from(limit).unwrap_or(i64::MAX)});
    pipeline.push(doc! {"$project": {"_id": 1}});
    let runs = connection.runs.clone();
    let removed = connection.run(async move {
        let mut cursor = runs.aggregate(pipeline).await?;
        let mut keys = Vec::new();
        while cursor.advance().await? {
            let document: Document = cursor.deserialize_current()?;
            keys.extend(document.get("_id").cloned());
        }
        if keys.is_empty() {
            return Ok(0);
        }
        Ok(runs.delete_many(doc! {"_id": {"$in": keys}}).await?.deleted_count)
    })?;
    Ok(usize::try_from(removed).unwrap_or(usize::MAX))
}

/// Returns the stages that leave out the latest records of each job: that one which `others` records follow, and these.
fn not_among_the_last(connection: &Connection, others: usize) -> [Document; 3] {
    let last = vec![
        doc! {"$match": {"$expr": {"$eq": ["$job", "$$job"]}}},
        doc! {"$sort": {"_id": -1}},
        doc! {"$skip": i64::try_from(others).unwrap_or(i64::MAX)},
        doc! {"$limit": 1},
        doc! {"$project": {"_id": 1}},
    ];
    [
        doc! {"$lookup": {
            "from": connection.runs.name(), "let": {"job": "$job"}, "pipeline": last, "as": "last",
        }},
        doc! {"$unwind": "$last"},
        doc! {"$match": {"$expr": {"$lt": ["$_id.run", "$last._id.run"]}}},
    ]
}

/// Returns the bytes of the texts of a record.
pub(crate) fn texts(record: &RunRecord) -> usize {
    let optional = [&record.result, &record.error].into_iter().flatten();
    record.job_id.len() + optional.map(|text| text.len()).sum::<usize>()
}

pub(crate) fn document(record: &RunRecord) -> Document {
    let time = |time: Option<Timestamp>| time.map(to_micros).map(Bson::from);
    let text = |text: &Option<Arc<str>>| text.as_deref().map(Bson::from);
    let mut document = doc! {
        "_id": key(record.run_id, record.attempt),
        "job": &*record.job_id,
        "state": record.state.name(),
        "scheduled": to_micros(record.scheduled_run_time),
        "count": record.count.cast_signed(),
        "owner": uuid(record.owner.as_u128()),
    };
    let optional = [
        ("until", time(record.until)),
        ("reason", record.reason.map(|reason| reason.name().into())),
        ("claimed", time(record.claimed)),
        ("started", time(record.started)),
        ("ended", time(record.ended)),
        ("duration", record.duration.map(duration_to_micros).map(Bson::from)),
        ("result", text(&record.result)),
        ("error", text(&record.error)),
        ("late", record.late.map(|state| state.name().into())),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            document.insert(key, value);
        }
    }
    document
}

fn run_of(document: &Document) -> Option<RunId> {
    let run = document.get_document("_id").ok()?.get("run")?;
    number(run).map(RunId::from_u128)
}

pub(crate) fn read(document: &Document) -> Option<RunRecord> {
    let micros = |key| document.get(key).and_then(whole);
    let time = |key| micros(key).map(from_micros);
    let text = |key| document.get_str(key).ok();
    let attempt = document.get_document("_id").ok()?.get("attempt").and_then(whole)?;
    let mut record = RunRecord::new(
        run_of(document)?,
        text("job")?,
        time("scheduled")?,
        OwnerId::from_u128(document.get("owner").and_then(number)?),
        // A state of a later release is shown as failed rather than left out.
        text("state").and_then(RunState::from_name).unwrap_or(RunState::Failed),
    )
    .attempt(u32::try_from(attempt).ok()?)
    .reason(text("reason").and_then(Reason::from_name))
    .claimed(time("claimed"))
    .started(time("started"))
    .ended(time("ended"))
    .duration(micros("duration").map(duration_from_micros));
    (record.until, record.count) = (time("until"), micros("count")?.cast_unsigned());
    (record.result, record.error) = (text("result").map(Arc::from), text("error").map(Arc::from));
    record.late = text("late").and_then(RunState::from_name);
    Some(record)
}

fn damaged(document: &Document) -> Error {
    let key = document.get("_id").map(Bson::to_string).unwrap_or_default();
    let message = format!("the record {key} of a run is damaged");
    Error::new(ErrorKind::Store, message).with_plugin(STORE_NAME)
}
