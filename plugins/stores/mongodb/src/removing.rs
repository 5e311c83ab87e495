//! Removes jobs. A job with open runs is hidden until they have ended, because their journal entries are in its document.
//!
//! The field `finished` hides a job from all queries. If it is a time, the server removes the document a day later, in case
//! nobody else has. In a job with open runs it is `true`: closing the last batch removes the document.

use apscheduler_core::Result;
use apscheduler_core::store::{Claim, NextRun};
use mongodb::bson::{Document, doc};

use crate::commands::{self, MOST_STATEMENTS, Order};
use crate::connection::Connection;
use crate::document::next_revision_in_server;

/// Restricts a filter to jobs without open runs.
fn idle(filter: &Document) -> Document {
    let mut filter = filter.clone();
    filter.insert("open", doc! {"$exists": false});
    filter
}

/// Returns the update that hides a job. It raises the revision, so a claim that read the job before fails.
fn hide(mark: &str) -> Vec<Document> {
    vec![doc! {"$set": {
        "next_run_time": null,
        "revision": next_revision_in_server(),
        "writer": mark,
        "finished": {"$cond": [{"$isArray": "$open"}, true, "$$NOW"]},
    }}]
}

/// Removes the job that matches a filter. Returns whether there was one. `mark` is the mark of this write.
pub(crate) fn remove(connection: &Connection, mark: &str, filter: Document) -> Result<bool> {
    let (jobs, idle, hide) = (connection.jobs.clone(), idle(&filter), hide(mark));
    connection.run(async move {
        Ok(jobs.delete_one(idle).await?.deleted_count > 0
            || jobs.update_one(filter, hide).await?.matched_count > 0)
    })
}

/// Removes all jobs that match a filter. `mark` is the mark of this write.
pub(crate) fn remove_all(connection: &Connection, mark: &str, filter: Document) -> Result<()> {
    let (jobs, idle, hide) = (connection.jobs.clone(), idle(&filter), hide(mark));
    let mut left = filter;
    left.insert("finished", doc! {"$exists": false});
    connection.run(async move {
        jobs.delete_many(idle).await?;
        jobs.update_many(left, hide).await.map(drop)
    })
}

/// Removes the jobs that have finished with these claims, unless others have used their ids already. `mark` is the mark of
/// the claims. A job whose last claim is in the journal has open runs.
pub(crate) fn remove_finished<'a>(
    connection: &Connection,
    mark: &str,
    won: impl Iterator<Item = &'a Claim>,
) {
    let has_finished =
        |claim: &&Claim| claim.outcome.next == NextRun::Finished && claim.outcome.batch.is_none();
    let ids: Vec<&str> = won.filter(has_finished).map(|claim| &*claim.record.id).collect();
    for chunk in ids.chunks(MOST_STATEMENTS) {
        if let Err(error) = remove_chunk(connection, mark, chunk) {
            // The claims are won anyway.
            tracing::warn!("finished jobs are removed within a day: {}", error.chain());
        }
    }
}

fn remove_chunk(connection: &Connection, mark: &str, ids: &[&str]) -> Result<()> {
    let statement = |id: &&str| doc! {"q": idle(&doc! {"_id": id, "writer": mark}), "limit": 1};
    let delete = commands::delete(&connection.jobs, ids.iter().map(statement).collect());
    if commands::run(connection, delete)?.found < ids.len() {
        // Some have open runs of earlier claims.
        let filter = doc! {"_id": {"$in": ids}, "writer": mark, "open": {"$exists": true}};
        let keep = doc! {"q": filter, "u": {"$set": {"finished": true}}, "multi": true};
        commands::run(connection, commands::update(&connection.jobs, vec![keep], Order::Any))?;
    }
    Ok(())
}
