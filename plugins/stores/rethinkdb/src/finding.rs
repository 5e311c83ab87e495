//! Finds jobs in their order.

use apscheduler_core::Result;
use apscheduler_core::store::{ClaimCursor, ClaimRequest, Cursor, TieBreaker};
use apscheduler_core::time::Timestamp;
use serde_json::Value;

use crate::client::{Term, max_value, min_value};
use crate::connection::{Connection, Table};
use crate::document::{RECORD, place};
use crate::keys::key;
use crate::names::{DUE, PAUSED};

/// Returns the document of a job that is not hidden.
pub(crate) fn find(connection: &Connection, id: &str) -> Result<Option<Value>> {
    let found = connection.document(&connection.committed(Table::Jobs).get(key(id)))?;
    Ok(Some(found).filter(|job| job.is_object() && job.get("finished").is_none()))
}

/// Returns the jobs with a run time between two places, in their order.
fn timed(connection: &Connection, from: Term, to: Term) -> Term {
    let jobs = connection.committed(Table::Jobs).between(from, to).with("index", DUE);
    jobs.with("left_bound", "open").order_by(DUE)
}

fn page(connection: &Connection, jobs: Term, limit: usize) -> Result<Vec<Value>> {
    connection.rows(&jobs.limit(limit).pluck(RECORD))
}

/// Returns a page of all jobs: those with a run time first.
pub(crate) fn list(
    connection: &Connection,
    after: Option<&Cursor>,
    limit: usize,
) -> Result<Vec<Value>> {
    let mut found = Vec::new();
    let from = match after {
        Some(Cursor { next_run_time: Some(time), id, .. }) => place(*time, &**id),
        _ => min_value(),
    };
    let mut paused_from = min_value();
    if let Some(Cursor { next_run_time: None, id, .. }) = after {
        // After a paused job there are only paused jobs.
        paused_from = (&**id).into();
    } else {
        found = page(connection, timed(connection, from, max_value()), limit)?;
    }
    let left = limit - found.len();
    if left > 0 {
        let paused = connection.committed(Table::Jobs).between(paused_from, max_value());
        let paused = paused.with("index", PAUSED).with("left_bound", "open").order_by(PAUSED);
        found.extend(page(connection, paused, left)?);
    }
    Ok(found)
}

/// Returns the first job with a later run time.
pub(crate) fn first_after(
    connection: &Connection,
    after: Option<Timestamp>,
) -> Result<Option<Value>> {
    let from = after.map_or_else(min_value, |after| place(after, max_value()));
    Ok(page(connection, timed(connection, from, max_value()), 1)?.into_iter().next())
}

/// Returns a batch of due jobs, with the marks of their claims.
pub(crate) fn due(connection: &Connection, due: &ClaimRequest, skip: usize) -> Result<Vec<Value>> {
    // With a cursor of another store: start over.
    let from = match &due.after {
        Some(ClaimCursor { next_run_time, tie_breaker: TieBreaker::Id(id), .. }) => {
            place(*next_run_time, &**id)
        }
        _ => min_value(),
    };
    let jobs = timed(connection, from, place(due.now, max_value()));
    let jobs = if skip > 0 { jobs.skip(skip) } else { jobs };
    let fields = RECORD.into_iter().chain(["claims"]);
    connection.rows(&jobs.limit(due.limit).pluck(fields))
}
