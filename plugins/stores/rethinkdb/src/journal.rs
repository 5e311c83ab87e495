//! The journal of claims, in the documents of the jobs.
//!
//! There are no transactions over several documents, but each write of one is atomic. So a claim adds its entry to the array
//! `open` of the job that it claims: the batch, its owner, when it was claimed, the runs, and the entry as text. Closing a
//! batch removes its entries, and the jobs that were only kept for them.

use std::collections::{BTreeMap, HashSet};

use apscheduler_core::ledger::{Batch, BatchId, Journal};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use crate::client::{Term, datum, max_value, min_value};
use crate::connection::{Connection, Table};
use crate::document::{hex, number, read_time, time};
use crate::keys::key;
use crate::names::{OPEN_BATCH, OPEN_OWNER, OPEN_RUNS, STORE_NAME};
use crate::writes::{self, LIMITS, existing};

/// Which entries to read.
pub(crate) enum Wanted<'a> {
    All,
    OfOwner(OwnerId),
    OfJob(&'a str),
    OfRun(RunId),
}

/// Returns what a claim adds to the document of its job.
pub(crate) fn entry(journal: &Journal) -> Option<Value> {
    let Batch { id, owner, claimed, .. } = journal.batch;
    let runs = journal.entries.first()?.runs().map(|(run, _)| hex(run.as_u128()));
    Some(json!({
        "batch": hex(id.as_u128()),
        "owner": hex(owner.as_u128()),
        "claimed": time(claimed),
        "runs": runs.collect::<Vec<_>>(),
        "entry": journal.encode(),
    }))
}

/// Returns the batches with these entries, by their identifiers. They are as many as there are open runs.
pub(crate) fn read(
    connection: &Connection,
    wanted: &Wanted<'_>,
) -> Result<BTreeMap<BatchId, Journal>> {
    let jobs = connection.committed(Table::Jobs);
    let jobs = match wanted {
        Wanted::All => jobs.between(min_value(), max_value()).with("index", OPEN_OWNER),
        Wanted::OfOwner(owner) => {
            jobs.get_all([hex(owner.as_u128()).into()]).with("index", OPEN_OWNER)
        }
        Wanted::OfJob(id) => jobs.get_all([key(id).into()]),
        Wanted::OfRun(run) => jobs.get_all([hex(run.as_u128()).into()]).with("index", OPEN_RUNS),
    };
    let mut journals = BTreeMap::<BatchId, Journal>::new();
    // A document may be found by several of its entries.
    let mut seen = HashSet::new();
    for document in connection.rows(&jobs.pluck(["id", "open"]))? {
        if !seen.insert(document.get("id").map(Value::to_string)) {
            continue;
        }
        let entries = document.get("open").and_then(Value::as_array);
        for entry in entries.into_iter().flatten() {
            let (batch, text) = read_entry(entry).ok_or_else(|| damaged(&document))?;
            if matches!(wanted, Wanted::OfOwner(owner) if *owner != batch.owner) {
                continue;
            }
            let entry =
                Journal::decode(batch, text).map_err(|error| error.with_plugin(STORE_NAME))?;
            match journals.get_mut(&batch.id) {
                Some(journal) => journal.entries.extend(entry.entries),
                None => drop(journals.insert(batch.id, entry)),
            }
        }
    }
    Ok(journals)
}

/// Reads the batch of an entry, and its text.
fn read_entry(entry: &Value) -> Option<(Batch, &str)> {
    let id = |name| entry.get(name).and_then(number);
    let (id, owner) = (RunId::from_u128(id("batch")?), OwnerId::from_u128(id("owner")?));
    let claimed = entry.get("claimed").and_then(read_time)?;
    Some((Batch::with_id(id, owner, claimed), entry.get("entry")?.as_str()?))
}

fn damaged(document: &Value) -> Error {
    let job = document.get("id").map(Value::to_string).unwrap_or_default();
    let message = format!("a journal entry in the document {job} is damaged");
    Error::new(ErrorKind::Store, message).with_plugin(STORE_NAME)
}

/// Returns the owners that have entries, as they are in the documents.
pub(crate) fn owners(connection: &Connection) -> Result<Vec<Value>> {
    let jobs = connection.committed(Table::Jobs).between(min_value(), max_value());
    let owners = Term::function(|row| row.field("open").field("owner"));
    connection.rows(&jobs.with("index", OPEN_OWNER).concat_map(owners).distinct())
}

/// Returns which of these runs have an entry.
pub(crate) fn with_entries(connection: &Connection, runs: &[RunId]) -> Result<HashSet<RunId>> {
    let mut found = HashSet::new();
    for chunk in runs.chunks(LIMITS.items) {
        let ids = chunk.iter().map(|run| hex(run.as_u128()).into());
        let jobs = connection.committed(Table::Jobs).get_all(ids).with("index", OPEN_RUNS);
        let runs = Term::function(|row| {
            row.field("open").concat_map(Term::function(|entry| entry.field("runs")))
        });
        let rows = connection.rows(&jobs.concat_map(runs))?;
        found.extend(rows.iter().filter_map(number).map(RunId::from_u128));
    }
    Ok(found)
}

/// Removes the entries of these batches, and the hidden jobs that have no others.
pub(crate) fn close(connection: &Connection, batches: &[BatchId]) -> Result<()> {
    for chunk in batches.chunks(LIMITS.items) {
        let closed: Vec<String> = chunk.iter().map(|batch| hex(batch.as_u128())).collect();
        let query = datum(json!(closed)).call(Term::function(|ids| {
            let function = existing(|row| {
                let is_left = Term::function(|entry| ids.contains(entry.field("batch")).not());
                let left = row.clone().field("open").default(Term::array([])).filter(is_left);
                left.call(Term::function(|left| {
                    let is_hidden = row.clone().has_field("finished");
                    let without = is_hidden.branch((), row.clone().without("open"));
                    let with = row.merge(Term::object([("open", left.clone())]));
                    left.is_empty().branch(without, with)
                }))
            });
            let keys = closed.iter().map(|batch| batch.as_str().into());
            let jobs = connection.table(Table::Jobs).get_all(keys).with("index", OPEN_BATCH);
            jobs.replace(function).with("durability", "hard")
        }));
        writes::run(connection, &query)?;
    }
    Ok(())
}
