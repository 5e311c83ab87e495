//! Claims of due jobs: one command for a batch, which tells of each claim whether it was won.
//!
//! A claim is a compare-and-set: its filter has the revision that was read. The server counts what was found and does not
//! say which. So each statement is an upsert that can't insert: it would have to give the document another `_id` than
//! its filter does. Where the revision is another one by now, or the job is gone, the statement fails, and only there:
//! the answer lists every claim that was lost.

use apscheduler_core::store::{Claim, NextRun};
use apscheduler_core::{Error, Result};
use mongodb::bson::{Bson, Document, doc};

use crate::commands::{self, Failure, MOST_STATEMENTS, Order};
use crate::connection::Connection;
use crate::document::{next_revision, run_time, unchanged};
use crate::failure::DUPLICATE_KEY;

/// What the server says where an upsert would have to change an `_id`: `ImmutableField`.
const IMMUTABLE_FIELD: i32 = 66;

/// How many claims a document remembers by their marks. As many may come between a claim whose answer is lost and the look
/// at what came of it.
pub(crate) const REMEMBERED: usize = 16;

/// What became of claims.
pub(crate) struct Written {
    /// Of each claim, whether it was won.
    pub(crate) won: Vec<bool>,
    /// How many were not carried out, because the server refuses them.
    pub(crate) refused: usize,
    /// Why it refuses one of them.
    pub(crate) refusal: Option<Error>,
}

/// Writes claims, and says of each whether it was won.
pub(crate) fn write(connection: &Connection, mark: &str, claims: &[Claim]) -> Result<Written> {
    let mut written = Written { won: vec![true; claims.len()], refused: 0, refusal: None };
    for (number, chunk) in claims.chunks(MOST_STATEMENTS).enumerate() {
        for failure in write_chunk(connection, mark, chunk)? {
            if let Some(won) = written.won.get_mut(number * MOST_STATEMENTS + failure.index) {
                *won = false;
            }
            if ![IMMUTABLE_FIELD, DUPLICATE_KEY].contains(&failure.code) {
                written.refused += 1;
                written.refusal.get_or_insert_with(|| failure.explain(&connection.address));
            }
        }
    }
    let won = claims.iter().zip(&written.won).filter(|(_, is_won)| **is_won);
    remove_finished(connection, mark, won.map(|(claim, _)| claim));
    Ok(written)
}

/// Returns those that were not won.
fn write_chunk(connection: &Connection, mark: &str, claims: &[Claim]) -> Result<Vec<Failure>> {
    let statements = claims.iter().map(|claim| statement(mark, claim)).collect();
    let command = commands::update(connection, statements, Order::Any);
    let outcome = commands::run(connection, command)?;
    if outcome.made > 0 || outcome.found + outcome.failures.len() != claims.len() {
        // Not the whole batch was carried out, or by a server that does not know what an upsert is.
        return Err(connection.address.unexpected(&format!(
            "of {} claims {} were won, {} were not, {} made a job",
            claims.len(),
            outcome.found,
            outcome.failures.len(),
            outcome.made,
        )));
    }
    Ok(outcome.failures)
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
