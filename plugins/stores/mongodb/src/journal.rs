//! The journal of claims, in the documents of the jobs.
//!
//! A standalone server has no transactions, but each write of a document is atomic. So a claim adds its entry to the array
//! `open` of the job that it claims: the batch, its owner, when it was claimed, the runs, and the entry as text. Closing a
//! batch removes its entries, and the jobs that were only kept for them.

use std::collections::HashSet;

use apscheduler_core::ledger::{Batch, BatchId, Journal};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::time::{from_micros, to_micros};
use apscheduler_core::{Error, ErrorKind, Result};
use mongodb::bson::{Bson, Document, doc};

use crate::commands::MOST_STATEMENTS;
use crate::connection::Connection;
use crate::document::{number, uuid, whole};
use crate::finding::{MOST_AT_ONCE, Search, find};
use crate::names::STORE_NAME;

/// The order of the batches of a page.
#[derive(Clone, Copy)]
pub(crate) enum Order {
    OldestFirst,
    LatestFirst,
}

/// Returns what a claim adds to the document of its job.
pub(crate) fn entry(journal: &Journal) -> Option<Document> {
    let Batch { id, owner, claimed, .. } = journal.batch;
    let runs = journal.entries.first()?.runs().map(|(run, _)| uuid(run.as_u128()));
    Some(doc! {
        "batch": uuid(id.as_u128()),
        "owner": uuid(owner.as_u128()),
        "claimed": to_micros(claimed),
        "runs": runs.collect::<Vec<_>>(),
        "entry": journal.encode(),
    })
}

/// Returns up to `limit` whole batches. `wanted` is a filter for jobs and for their entries.
pub(crate) fn page(
    connection: &Connection,
    wanted: &Document,
    order: Order,
    limit: usize,
) -> Result<Vec<Journal>> {
    let direction = match order {
        Order::OldestFirst => 1,
        Order::LatestFirst => -1,
    };
    let pipeline = [
        doc! {"$match": wanted},
        doc! {"$project": {"open": 1}},
        doc! {"$unwind": "$open"},
        doc! {"$match": wanted},
        doc! {"$sort": {"open.batch": direction}},
    ];
    let jobs = connection.jobs.clone();
    let found = connection.run(async move {
        let mut cursor = jobs.aggregate(pipeline).batch_size(MOST_AT_ONCE).await?;
        let (mut found, mut batches, mut last) = (Vec::new(), 0, None);
        while cursor.advance().await? {
            let document = cursor.deserialize_current()?;
            let batch = document.get_document("open").ok().and_then(|entry| entry.get("batch"));
            if last.as_ref() != batch {
                if batches == limit {
                    break;
                }
                batches += 1;
                last = batch.cloned();
            }
            found.push(document);
        }
        Ok(found)
    })?;
    let mut journals: Vec<Journal> = Vec::new();
    for document in &found {
        let (batch, text) = read(document).ok_or_else(|| damaged(document))?;
        let entry = Journal::decode(batch, text).map_err(|error| error.with_plugin(STORE_NAME))?;
        match journals.last_mut() {
            Some(journal) if journal.batch.id == batch.id => journal.entries.extend(entry.entries),
            _ => journals.push(entry),
        }
    }
    Ok(journals)
}

/// Reads the batch of an entry, and its text.
fn read(document: &Document) -> Option<(Batch, &str)> {
    let entry = document.get_document("open").ok()?;
    let id = |key| entry.get(key).and_then(number);
    let (id, owner) = (RunId::from_u128(id("batch")?), OwnerId::from_u128(id("owner")?));
    let claimed = from_micros(entry.get("claimed").and_then(whole)?);
    Some((Batch::with_id(id, owner, claimed), entry.get_str("entry").ok()?))
}

fn damaged(document: &Document) -> Error {
    let job = document.get("_id").map(Bson::to_string).unwrap_or_default();
    let message = format!("a journal entry in the document {job} is damaged");
    Error::new(ErrorKind::Store, message).with_plugin(STORE_NAME)
}

/// Returns the owners that have entries, as they are in the documents.
pub(crate) fn owners(connection: &Connection) -> Result<Vec<Bson>> {
    let pipeline = [
        doc! {"$match": {"open.owner": {"$gte": uuid(0)}}},
        doc! {"$project": {"open.owner": 1}},
        doc! {"$unwind": "$open"},
        doc! {"$group": {"_id": "$open.owner"}},
    ];
    let jobs = connection.jobs.clone();
    connection.run(async move {
        let mut cursor = jobs.aggregate(pipeline).await?;
        let mut owners = Vec::new();
        while cursor.advance().await? {
            let document: Document = cursor.deserialize_current()?;
            owners.extend(document.get("_id").cloned());
        }
        Ok(owners)
    })
}

/// Returns which of these runs have an entry.
pub(crate) fn with_entries(connection: &Connection, runs: &[RunId]) -> Result<HashSet<RunId>> {
    if runs.is_empty() {
        return Ok(HashSet::new());
    }
    let ids: Vec<Bson> = runs.iter().map(|run| uuid(run.as_u128())).collect();
    let search = Search {
        filter: doc! {"open.runs": {"$in": ids}},
        limit: runs.len(),
        fields: doc! {"open.runs": 1},
        ..Search::default()
    };
    let found = find(connection, &connection.jobs, search)?;
    let entries = found.iter().filter_map(|job| job.get_array("open").ok()).flatten();
    let entries = entries.filter_map(|entry| entry.as_document()?.get_array("runs").ok());
    Ok(entries.flatten().filter_map(number).map(RunId::from_u128).collect())
}

/// Removes the entries of these batches, and the hidden jobs that have no others.
pub(crate) fn close(connection: &Connection, batches: &[BatchId]) -> Result<()> {
    for chunk in batches.chunks(MOST_STATEMENTS) {
        let closed: Vec<Bson> = chunk.iter().map(|batch| uuid(batch.as_u128())).collect();
        let has_closed = doc! {"open.batch": {"$in": &closed}};
        let mut ended = has_closed.clone();
        ended.insert("finished", true);
        ended.insert("open", doc! {"$not": {"$elemMatch": {"batch": {"$nin": &closed}}}});
        let left = doc! {"$filter": {
            "input": "$open",
            "cond": {"$not": [{"$in": ["$$this.batch", &closed]}]},
        }};
        let is_empty = doc! {"$eq": ["$open", []]};
        // A job that was hidden since the removal of the others.
        let has_ended = doc! {"$and": [&is_empty, {"$eq": ["$finished", true]}]};
        let close = vec![
            doc! {"$set": {"open": left}},
            doc! {"$set": {
                "open": {"$cond": [is_empty, "$$REMOVE", "$open"]},
                "finished": {"$cond": [has_ended, "$$NOW", "$finished"]},
            }},
        ];
        let jobs = connection.jobs.clone();
        connection.run(async move {
            jobs.delete_many(ended).await?;
            jobs.update_many(has_closed, close).await.map(drop)
        })?;
    }
    Ok(())
}
