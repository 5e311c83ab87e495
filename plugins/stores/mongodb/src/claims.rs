//! Claims of due jobs: one command for a batch, which tells of each claim whether it was won.
//!
//! A claim is a compare-and-set: its filter has the revision that was read. The server counts what was found and does not
//! say which. So each statement is an upsert that can't insert: it would have to give the document another `_id` than
//! its filter does. Where the revision is another one by now, or the job is gone, the statement fails, and only there:
//! the answer lists every claim that was lost.

use std::collections::HashSet;

use apscheduler_core::Result;
use apscheduler_core::store::{Claim, NextRun};
use mongodb::bson::{Bson, Document, doc};

use crate::commands::{self, MOST_STATEMENTS, Order};
use crate::connection::Connection;
use crate::document::{next_revision, run_time, unchanged};
use crate::failure::DUPLICATE_KEY;

/// What the server says where an upsert would have to change an `_id`: `ImmutableField`.
const IMMUTABLE_FIELD: i32 = 66;

/// How many claims a document remembers by their marks. As many may come between a claim whose answer is lost and the look
/// at what came of it.
pub(crate) const REMEMBERED: usize = 16;

/// Writes claims, and says of each whether it was won.
pub(crate) fn write(connection: &Connection, mark: &str, claims: &[Claim]) -> Result<Vec<bool>> {
    let mut lost = HashSet::new();
    for (number, chunk) in claims.chunks(MOST_STATEMENTS).enumerate() {
        let first = number * MOST_STATEMENTS;
        lost.extend(write_chunk(connection, mark, chunk)?.into_iter().map(|index| first + index));
    }
    let written: Vec<bool> = (0..claims.len()).map(|index| !lost.contains(&index)).collect();
    let won = claims.iter().zip(&written).filter(|(_, is_won)| **is_won);
    remove_finished(connection, mark, won.map(|(claim, _)| claim));
    Ok(written)
}

/// Returns the places of those that were lost.
fn write_chunk(connection: &Connection, mark: &str, claims: &[Claim]) -> Result<Vec<usize>> {
    let statements = claims.iter().map(|claim| statement(mark, claim)).collect();
    let command = commands::update(connection, statements, Order::Any);
    let outcome = commands::run(connection, command)?;
    if outcome.made > 0 || outcome.found + outcome.failures.len() != claims.len() {
        // Not the whole batch was carried out, or by a server that does not know what an upsert is.
        return Err(connection.address.unexpected(&format!(
            "of {} claims {} were won, {} lost, {} made a job",
            claims.len(),
            outcome.found,
            outcome.failures.len(),
            outcome.made,
        )));
    }
    let strange =
        outcome.failures.iter().find(|it| ![IMMUTABLE_FIELD, DUPLICATE_KEY].contains(&it.code));
    if let Some(failure) = strange {
        // Nothing is lost: what was not claimed stays due.
        tracing::warn!("can't claim a job: {}", failure.explain(&connection.address).chain());
    }
    Ok(outcome.failures.into_iter().map(|failure| failure.index).collect())
}

fn statement(mark: &str, Claim { record, advance }: &Claim) -> Document {
    let next = match advance.next {
        NextRun::At(time) => run_time(Some(time)),
        NextRun::Paused | NextRun::Finished => Bson::Null,
    };
    let revision = next_revision(record.revision);
    let mut change = doc! {
        "$set": {"next_run_time": next, "revision": revision, "writer": mark},
        "$push": {"claims": {"$each": [mark], "$slice": i32::try_from(REMEMBERED).map_or(0, i32::wrapping_neg)}},
        "$setOnInsert": {"_id": false},
    };
    if advance.next == NextRun::Finished {
        // From here on nobody sees it. It is removed when it is known that the claim was won.
        change.insert("$currentDate", doc! {"finished": true});
    }
    doc! {"q": unchanged(&record.id, record.revision), "u": change, "upsert": true}
}

/// Removes jobs that have finished, unless somebody used their ids already.
pub(crate) fn remove_finished<'a>(
    connection: &Connection,
    mark: &str,
    won: impl Iterator<Item = &'a Claim>,
) {
    let finished = won.filter(|claim| claim.advance.next == NextRun::Finished);
    let statements: Vec<Document> = finished
        .map(|claim| doc! {"q": {"_id": &*claim.record.id, "writer": mark}, "limit": 1})
        .collect();
    for chunk in statements.chunks(MOST_STATEMENTS) {
        if let Err(error) = commands::run(connection, commands::delete(connection, chunk.to_vec()))
        {
            // The fires are won, and run.
            tracing::warn!("finished jobs are removed within a day: {}", error.chain());
        }
    }
}
