//! Claims of due jobs: one command for a batch, whose answer shows for each claim whether it was won.
//!
//! A claim is a compare-and-set: its filter has the revision that was read. It is lost if the revision has changed or the job
//! was removed.

use std::collections::HashMap;

use apscheduler_core::store::{Claim, ClaimRequest, NextRun};
use apscheduler_core::{Error, Result};
use apscheduler_plugin_kit::store::kept_marks;
use mongodb::bson::{Bson, Document, doc};

use crate::commands::{self, MOST_STATEMENTS};
use crate::connection::Connection;
use crate::document::{next_revision, run_time, unchanged};
use crate::removing::remove_finished;
use crate::{journal, open_runs};

/// The marks in documents, by id.
pub(crate) type Marks<'a> = HashMap<&'a str, Vec<&'a str>>;

/// Returns the marks in these documents.
pub(crate) fn marks(documents: &[Document]) -> Marks<'_> {
    documents.iter().filter_map(marks_of).collect()
}

fn marks_of(document: &Document) -> Option<(&str, Vec<&str>)> {
    let marks = document.get_array("claims").ok()?.iter().filter_map(Bson::as_str);
    Some((document.get_str("_id").ok()?, marks.collect()))
}

/// The result of writing claims.
pub(crate) struct Written {
    /// For each claim, whether it was won.
    pub(crate) won: Vec<bool>,
    /// How many the server refused.
    pub(crate) refused: usize,
    /// Why it refused one of them.
    pub(crate) refusal: Option<Error>,
}

/// Writes claims, and those that are recorded into the journal.
pub(crate) fn write(
    connection: &Connection,
    mark: &str,
    due: &ClaimRequest,
    claims: &[Claim],
    marks: &Marks<'_>,
) -> Result<Written> {
    let mut written = Written { won: vec![true; claims.len()], refused: 0, refusal: None };
    let before = |claim: &Claim| marks.get(&*claim.record.id).map_or(&[][..], Vec::as_slice);
    for (number, chunk) in claims.chunks(MOST_STATEMENTS).enumerate() {
        let changes = chunk.iter().map(|claim| change(mark, due, claim, before(claim)));
        let changes = changes.collect();
        for failure in commands::compare_and_set(connection, &connection.jobs, changes)? {
            if let Some(won) = written.won.get_mut(number * MOST_STATEMENTS + failure.index) {
                *won = false;
            }
            if !failure.is_lost() {
                written.refused += 1;
                written.refusal.get_or_insert_with(|| failure.explain(&connection.address));
            }
        }
    }
    let won = claims.iter().zip(&written.won).filter(|(_, is_won)| **is_won);
    remove_finished(connection, mark, won.map(|(claim, _)| claim));
    open_runs::confirm(connection, claims.iter().zip(written.won.iter().copied()));
    Ok(written)
}

/// Returns the filter and the change of a claim.
fn change(mark: &str, due: &ClaimRequest, claim: &Claim, before: &[&str]) -> (Document, Document) {
    let Claim { record, outcome, .. } = claim;
    let next = match outcome.next {
        NextRun::At(time) => run_time(Some(time)),
        NextRun::Finished => Bson::Null,
    };
    let mut set = doc! {
        "next_run_time": next,
        "revision": next_revision(record.revision),
        "writer": mark,
        // Nobody has claimed it since the marks were read, or the revision would have changed.
        "claims": kept_marks(before, mark),
    };
    let entry = due.journal([(record, outcome)]).as_ref().and_then(journal::entry);
    let mut change = Document::new();
    // This hides a finished job. It is removed once it is known that the claim was won, and its runs have ended.
    if outcome.next == NextRun::Finished && entry.is_some() {
        set.insert("finished", true);
    } else if outcome.next == NextRun::Finished {
        change.insert("$currentDate", doc! {"finished": true});
    }
    if let Some(entry) = entry {
        change.insert("$push", doc! {"open": entry});
    }
    change.insert("$set", set);
    (unchanged(&record.id, record.revision), change)
}
