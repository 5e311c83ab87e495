//! Removes jobs. A job with journal entries is hidden until its runs have ended, because the entries are in its document.
//!
//! The field `finished`, a time in seconds, hides a job from all queries. Closing the last batch removes the document. One
//! without entries is removed at once, or a day later if that fails.

use apscheduler_core::Result;
use apscheduler_core::store::{Claim, NextRun};
use serde_json::json;

use crate::client::{Term, datum, now};
use crate::connection::{Connection, Table};
use crate::document::next_revision_in_server;
use crate::keys::key;
use crate::writes::{self, LIMITS, Outcome, existing, with_keys};

/// Removes the jobs among these documents for which a condition holds. `mark` is the mark of this write.
pub(crate) fn remove(
    connection: &Connection,
    mark: &str,
    rows: Term,
    condition: impl FnOnce(&Term) -> Term,
) -> Result<Outcome> {
    let function = existing(|row| {
        // It raises the revision, so a claim that read the job before fails.
        let hidden = datum(json!({"next_run_time": null, "writer": mark}));
        let hidden = row.clone().merge(hidden).merge(Term::object([
            ("revision", next_revision_in_server(&row)),
            ("finished", now().to_epoch_time()),
        ]));
        let removed = row.clone().has_field("open").branch(hidden, ());
        let is_removed = row.clone().has_field("finished").not().and(condition(&row));
        is_removed.branch(removed, row)
    });
    writes::write(connection, rows.replace(function))
}

/// Removes the job with this id. Returns whether there was one.
pub(crate) fn remove_one(connection: &Connection, mark: &str, id: &str) -> Result<bool> {
    let row = connection.table(Table::Jobs).get(key(id));
    let outcome = remove(connection, mark, row, |_| true.into())?;
    Ok(outcome.deleted + outcome.replaced > 0)
}

/// Removes all jobs.
pub(crate) fn remove_all(connection: &Connection, mark: &str) -> Result<()> {
    // The keys of jobs are text, which is the last type.
    let jobs = connection.table(Table::Jobs).between("", crate::client::max_value());
    remove(connection, mark, jobs, |_| true.into()).map(drop)
}

/// Removes the documents of the jobs that have finished with these claims, unless others have used their ids already, or they
/// have journal entries. `mark` is the mark of the claims.
pub(crate) fn remove_finished<'a>(
    connection: &Connection,
    mark: &str,
    won: impl Iterator<Item = &'a Claim>,
) {
    let has_finished =
        |claim: &&Claim| claim.outcome.next == NextRun::Finished && claim.outcome.batch.is_none();
    let keys: Vec<String> = won.filter(has_finished).map(|claim| key(&claim.record.id)).collect();
    for chunk in keys.chunks(LIMITS.items) {
        let function = existing(|row| {
            let is_own = row.clone().field("writer").default("").eq(mark);
            let is_idle = row.clone().has_field("open").not();
            let is_hidden = row.clone().has_field("finished");
            is_own.and(is_idle).and(is_hidden).branch((), row)
        });
        let rows = with_keys(connection.table(Table::Jobs), chunk);
        if let Err(error) = writes::write(connection, rows.replace(function)) {
            // The claims are won anyway.
            tracing::warn!("finished jobs are removed after a day: {}", error.chain());
        }
    }
}
