//! Finds out about claims whose answer was lost.
//!
//! The server may not have received them yet: a claim can arrive long after its caller gave up. So each record that was not
//! claimed first gets a new revision. A claim that arrives later then fails, and the marks in the documents show which
//! claims were won.

use std::collections::HashMap;

use apscheduler_core::Result;
use apscheduler_core::store::Claim;
use apscheduler_plugin_kit::store::KEPT_MARKS;
use mongodb::bson::{Document, doc};

use crate::commands::{self, MOST_STATEMENTS, Order};
use crate::connection::Connection;
use crate::document::{next_revision, read, unchanged};
use crate::open_runs;
use crate::removing::remove_finished;

/// Returns for each claim that was sent with the mark `claimed` whether it was won. `mark` is the mark of this write.
pub(crate) fn find_out(
    connection: &Connection,
    mark: &str,
    claimed: &str,
    claims: &[Claim],
) -> Result<Vec<bool>> {
    let mut written = Vec::with_capacity(claims.len());
    for chunk in claims.chunks(MOST_STATEMENTS) {
        prevent(connection, mark, chunk)?;
        let found = look(connection, chunk)?;
        written.extend(chunk.iter().map(|claim| is_won(claim, claimed, &found)));
    }
    let won = claims.iter().zip(&written).filter(|(_, is_won)| **is_won);
    remove_finished(connection, claimed, won.map(|(claim, _)| claim));
    open_runs::confirm(connection, claims.iter().zip(written.iter().copied()));
    Ok(written)
}

/// Makes claims fail that arrive later.
fn prevent(connection: &Connection, mark: &str, claims: &[Claim]) -> Result<()> {
    let statement = |Claim { record, .. }: &Claim| {
        let revision = next_revision(record.revision);
        let raise = doc! {"$set": {"revision": revision, "writer": mark}};
        doc! {"q": unchanged(&record.id, record.revision), "u": raise}
    };
    let statements = claims.iter().map(statement).collect();
    let command = commands::update(&connection.jobs, statements, Order::Any);
    match commands::run(connection, command)?.failures.first() {
        None => Ok(()),
        Some(failure) => Err(failure.explain(&connection.address)),
    }
}

/// Returns the existing documents of these jobs, by id.
fn look(connection: &Connection, claims: &[Claim]) -> Result<HashMap<String, Document>> {
    let ids: Vec<&str> = claims.iter().map(|claim| &*claim.record.id).collect();
    let filter = doc! {"_id": {"$in": ids}};
    let jobs = connection.jobs.clone();
    connection.run(async move {
        let fields = doc! {"revision": 1, "claims": 1};
        let mut cursor = jobs.find(filter).projection(fields).await?;
        let mut found = HashMap::new();
        while cursor.advance().await? {
            let document: Document = cursor.deserialize_current()?;
            if let Ok(id) = document.get_str("_id") {
                found.insert(id.to_owned(), document);
            }
        }
        Ok(found)
    })
}

fn is_won(Claim { record, .. }: &Claim, claimed: &str, found: &HashMap<String, Document>) -> bool {
    // Another process removed the job, presumably before the claim.
    let Some(document) = found.get(&*record.id) else { return false };
    let marks = document.get_array("claims").map_or(&[][..], Vec::as_slice);
    if marks.iter().any(|mark| mark.as_str() == Some(claimed)) {
        return true;
    }
    let writes = read(document).map_or(0, |now| now.revision.saturating_sub(record.revision));
    if marks.len() >= KEPT_MARKS && writes < 1 << 20 {
        tracing::error!(
            job_id = &*record.id,
            "others wrote this job {writes} times before the outcome of a claim was known; if it was won, the run is lost"
        );
    }
    false
}
