//! Finds out about claims whose answer was lost.
//!
//! The server may not have received them yet, or may be carrying them out: each document by itself. So each record that was not
//! claimed first gets a new revision. A claim that arrives later then fails, and the marks in the documents show which claims
//! were won.

use std::collections::HashMap;

use apscheduler_core::Result;
use apscheduler_core::store::Claim;
use apscheduler_plugin_kit::store::KEPT_MARKS;
use serde_json::{Value, json};

use crate::claims::marks_of;
use crate::connection::{Connection, Table};
use crate::document::{next_revision, revision_of, whole};
use crate::keys::key;
use crate::open_rows;
use crate::removing::remove_finished;
use crate::writes::{LIMITS, compare_and_set, with_keys};

/// Returns for each claim that was sent with the mark `claimed` whether it was won. `mark` is the mark of this write.
pub(crate) fn find_out(
    connection: &Connection,
    mark: &str,
    claimed: &str,
    claims: &[Claim],
) -> Result<Vec<bool>> {
    let mut written = Vec::with_capacity(claims.len());
    let size = |claim: &Claim| claim.record.payload.as_text().map_or(0, str::len);
    for chunk in LIMITS.split(claims, size) {
        prevent(connection, mark, chunk)?;
        let found = look(connection, chunk)?;
        written.extend(chunk.iter().map(|claim| is_won(claim, claimed, &found)));
    }
    let won = claims.iter().zip(&written).filter(|(_, is_won)| **is_won);
    remove_finished(connection, claimed, won.map(|(claim, _)| claim));
    open_rows::confirm(connection, claims.iter().zip(written.iter().copied()));
    Ok(written)
}

/// Makes claims fail that arrive later.
fn prevent(connection: &Connection, mark: &str, claims: &[Claim]) -> Result<()> {
    let change = |Claim { record, .. }: &Claim| {
        let set = json!({"revision": next_revision(record.revision), "writer": mark});
        (key(&record.id), json!({"revision": record.revision, "set": set}))
    };
    let changes = claims.iter().map(change).collect();
    let done = compare_and_set(connection, Table::Jobs, changes, |row, claim| {
        let is_unchanged = revision_of(row).eq(claim.clone().field("revision"));
        is_unchanged.branch(row.clone().merge(claim.clone().field("set")), row.clone())
    })?;
    done.check(connection).map(drop)
}

/// Returns the existing documents of these jobs, by key.
fn look(connection: &Connection, claims: &[Claim]) -> Result<HashMap<String, Value>> {
    let keys: Vec<String> = claims.iter().map(|claim| key(&claim.record.id)).collect();
    let rows = with_keys(connection.committed(Table::Jobs), &keys);
    let found = connection.rows(&rows.pluck(["id", "revision", "claims"]))?;
    let by_key = found.into_iter().filter_map(|row| {
        let key = row.get("id")?.as_str()?.to_owned();
        Some((key, row))
    });
    Ok(by_key.collect())
}

fn is_won(Claim { record, .. }: &Claim, claimed: &str, found: &HashMap<String, Value>) -> bool {
    // Another process removed the job, presumably before the claim.
    let Some(document) = found.get(&key(&record.id)) else { return false };
    let marks = marks_of(document);
    if marks.contains(&claimed) {
        return true;
    }
    let revision = document.get("revision").and_then(whole).unwrap_or(0);
    let writes = u64::try_from(revision).unwrap_or(0).saturating_sub(record.revision);
    if marks.len() >= KEPT_MARKS && writes < 1 << 20 {
        tracing::error!(
            job_id = &*record.id,
            "others wrote this job {writes} times before the outcome of a claim was known; if it was won, the run is lost"
        );
    }
    false
}
