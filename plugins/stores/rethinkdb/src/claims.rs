//! Claims of due jobs: one query for a batch, whose answer tells which claims were won.
//!
//! A claim is a compare-and-set of its document: it is lost if the revision is not the one that was read, or if there is no
//! document any more.

use std::collections::{HashMap, HashSet};

use apscheduler_core::store::{Claim, ClaimRequest, NextRun};
use apscheduler_core::{Error, Result};
use apscheduler_plugin_kit::store::kept_marks;
use serde_json::{Value, json};

use crate::client::{Term, now};
use crate::connection::{Connection, Table};
use crate::document::{next_revision, revision_of, time};
use crate::keys::key;
use crate::removing::remove_finished;
use crate::writes::{Changes, LIMITS, compare_and_set};
use crate::{journal, open_rows};

/// The marks in documents, by key.
pub(crate) type Marks<'a> = HashMap<&'a str, Vec<&'a str>>;

/// Returns the marks in these documents.
pub(crate) fn marks(documents: &[Value]) -> Marks<'_> {
    documents.iter().filter_map(|row| Some((row.get("id")?.as_str()?, marks_of(row)))).collect()
}

/// Returns the marks of claims in a document.
pub(crate) fn marks_of(document: &Value) -> Vec<&str> {
    let marks = document.get("claims").and_then(Value::as_array);
    marks.into_iter().flatten().filter_map(Value::as_str).collect()
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
    let mut written = Written { won: Vec::new(), refused: 0, refusal: None };
    let size = |claim: &Claim| {
        // The answer of the server has the whole document before it is reduced to its key.
        let state = claim.record.payload.as_text().map_or(0, str::len);
        state + claim.outcome.run_times.as_slice().len() * 80
    };
    for chunk in LIMITS.split(claims, size) {
        let keys: Vec<String> = chunk.iter().map(|claim| key(&claim.record.id)).collect();
        let changes = chunk.iter().zip(&keys).map(|(claim, key)| {
            let before = marks.get(key.as_str()).map_or(&[][..], Vec::as_slice);
            (key.clone(), change(mark, due, claim, before))
        });
        let changes: Changes = changes.collect();
        let done = compare_and_set(connection, Table::Jobs, changes, claimed)?;
        let own: HashSet<&String> = done.keys.iter().collect();
        written.won.extend(keys.iter().map(|key| own.contains(key)));
        if done.errors > 0 {
            written.refused += usize::try_from(done.errors).unwrap_or(usize::MAX);
            let refusal = || connection.address().unwritten(done.errors, &done.first_error);
            written.refusal.get_or_insert_with(refusal);
        }
    }
    let won = claims.iter().zip(&written.won).filter(|(_, is_won)| **is_won);
    remove_finished(connection, mark, won.map(|(claim, _)| claim));
    open_rows::confirm(connection, claims.iter().zip(written.won.iter().copied()));
    Ok(written)
}

/// Returns what a claim compares and sets.
fn change(mark: &str, due: &ClaimRequest, claim: &Claim, before: &[&str]) -> Value {
    let Claim { record, outcome, .. } = claim;
    let next = match outcome.next {
        NextRun::At(next) => time(next),
        NextRun::Finished => Value::Null,
    };
    let set = json!({
        "next_run_time": next,
        "revision": next_revision(record.revision),
        "writer": mark,
        // Nobody has claimed it since the marks were read, or the revision would have changed.
        "claims": kept_marks(before, mark),
    });
    let mut change = json!({
        "revision": record.revision,
        "set": set,
        "finished": outcome.next == NextRun::Finished,
    });
    if let Some(entry) = due.journal([(record, outcome)]).as_ref().and_then(journal::entry) {
        change["entry"] = entry;
    }
    change
}

/// Returns what a claim makes of a document.
fn claimed(row: &Term, claim: &Term) -> Term {
    let is_unchanged = revision_of(row).eq(claim.clone().field("revision"));
    let open = row.clone().field("open").default(Term::array([]));
    let open = open.append(claim.clone().field("entry"));
    let with_entry = claim
        .clone()
        .has_field("entry")
        .branch(row.clone().merge(Term::object([("open", open)])), row.clone());
    // This hides a finished job. It is removed once it is known that the claim was won, and its runs have ended.
    let hidden = Term::object([("finished", now().to_epoch_time())]);
    let hidden = claim.clone().field("finished").branch(hidden, Term::object([]));
    is_unchanged.branch(with_entry.merge(claim.clone().field("set")).merge(hidden), row.clone())
}
