//! Adds jobs in one request.

use std::sync::Arc;

use apscheduler_core::store::NewRecord;
use apscheduler_core::{Error, Result};
use zookeeper_client::Error as ClientError;

use crate::access::Access;
use crate::failure::{Attempt, Failure};
use crate::jobs::{Change, check_entry, read};
use crate::nodes::Nodes;
use crate::session::Session;
use crate::transaction::{Outcome, commit, unexpected};
use crate::unfinished::abort;
use crate::writing::{MAX_TRIES, find, tell};

/// Returns the change that adds a record.
pub(crate) fn new(nodes: &Nodes, record: &NewRecord, transaction: Option<&str>) -> Result<Change> {
    let state = record.text()?;
    Ok(Change::add(nodes, &record.id, record.next_run_time, state, transaction))
}

/// Adds records in one request.
pub(crate) async fn add(
    access: &Access,
    (session, nodes): (&Session, &Nodes),
    records: &[NewRecord],
) -> Attempt<()> {
    let mut check = false;
    let mut last = ClientError::NodeExists;
    for _ in 0..MAX_TRIES {
        let changes = changes(access, (session, nodes), records, check).await?;
        let buckets = changes.iter().filter_map(|change| change.buckets.clone()).flatten();
        let mut operations: Vec<_> =
            changes.iter().flat_map(|change| change.operations.clone()).collect();
        operations.push(tell(access, nodes));
        let ready = access.buckets.ensure(session, buckets);
        let sent = commit(session, &operations);
        ready.await?;
        match sent.await? {
            Outcome::Committed => return Ok(()),
            Outcome::Refused(
                _,
                error @ (ClientError::NodeExists | ClientError::NoNode | ClientError::BadVersion),
            ) => {
                // A job exists, or was changed meanwhile; or a folder is gone; or a manual edit removed an entry.
                last = error;
                access.buckets.forget();
                check = true;
            }
            Outcome::Refused(_, error) => return Err(Failure::Refused(error)),
        }
    }
    Err(unexpected(last))
}

/// Returns the changes that add these records, or replace the jobs that they are to replace.
async fn changes(
    access: &Access,
    (session, nodes): (&Session, &Nodes),
    records: &[NewRecord],
    check: bool,
) -> Attempt<Vec<Change>> {
    let wanted = records.iter().map(|record| (Arc::clone(&record.id), None));
    let existing = read(session, nodes, wanted).await?;
    let mut changes = Vec::with_capacity(records.len());
    for (record, existing) in records.iter().zip(existing) {
        let Some(mut existing) = existing else {
            changes.push(new(nodes, record, None)?);
            continue;
        };
        if let Some(transaction) = &existing.transaction {
            // It does not count, so it is in the way of nobody.
            abort(access, (session, nodes), transaction).await?;
            changes.push(new(nodes, record, None)?);
            continue;
        }
        if !record.replace {
            return Err(Error::conflicting_id(&*record.id).into());
        }
        if existing.is_damaged() || check {
            let Some(found) = find(session, nodes, &record.id).await? else {
                changes.push(new(nodes, record, None)?);
                continue;
            };
            existing = found;
            check_entry(session, nodes, &mut existing).await?;
        }
        changes.push(Change::write(nodes, &existing, record.next_run_time, record.text()?));
    }
    Ok(changes)
}
