//! Changes and removes jobs.

use std::sync::Arc;

use apscheduler_core::store::JobRecord;
use apscheduler_core::{Error, Result};
use zookeeper_client::Error as ClientError;

use crate::access::Access;
use crate::entry::Entry;
use crate::failure::{Attempt, Failure};
use crate::finding::{Range, entries, entry_of, paused};
use crate::jobs::{Change, Stored, check_entry, read, read_one};
use crate::nodes::Nodes;
use crate::session::Session;
use crate::transaction::{Operation, Outcome, Room, commit, is_too_large, too_large, unexpected};

/// How many jobs are removed at once.
const PAGE: usize = 1000;

/// How often a write is tried that others keep from its node.
pub(crate) const MAX_TRIES: usize = 100;

/// Returns the operation that tells others of a change.
pub(crate) fn tell(access: &Access, nodes: &Nodes) -> Operation {
    Operation::Set { path: nodes.changed(), data: access.own.clone().into_bytes(), version: None }
}

/// Returns the job with this id, if it counts. Finds the run time of one that a manual edit broke.
pub(crate) async fn find(
    session: &Session,
    nodes: &Nodes,
    id: &Arc<str>,
) -> Attempt<Option<Stored>> {
    let Some(mut stored) = read_one(session, nodes, id).await? else { return Ok(None) };
    if stored.transaction.is_some() {
        return Ok(None);
    }
    if stored.is_damaged() {
        match entry_of(session, nodes, id).await? {
            Some(entry) => {
                stored.record.next_run_time = entry.run_time();
                stored.record.revision = entry.revision;
            }
            None => stored.has_entry = false,
        }
    }
    Ok(Some(stored))
}

/// Writes a job, if it still has the revision of this record. Returns whether it has.
pub(crate) fn update(access: &Access, record: &JobRecord) -> Result<bool> {
    let state = record.text()?;
    let written = access.run(async |session, nodes| {
        change(access, (session, nodes), &record.id, |stored| {
            let is_same = stored.record.revision == record.revision;
            is_same.then(|| Change::write(nodes, stored, record.next_run_time, state))
        })
        .await
    })?;
    match written {
        Changed::Written => Ok(true),
        Changed::Refused => Ok(false),
        Changed::NoJob => Err(Error::job_lookup(&*record.id)),
    }
}

/// Removes a job. Returns whether there was one.
pub(crate) fn remove(access: &Access, id: &str) -> Result<bool> {
    let id: Arc<str> = id.into();
    let removed = access.run(async |session, nodes| {
        let remove = |stored: &Stored| Some(Change::remove(nodes, stored));
        change(access, (session, nodes), &id, remove).await
    })?;
    Ok(matches!(removed, Changed::Written))
}

/// What became of a change.
enum Changed {
    Written,
    /// The caller does not want it any more.
    Refused,
    NoJob,
}

/// Changes a job as it is, until nobody else changes it meanwhile.
async fn change(
    access: &Access,
    (session, nodes): (&Session, &Nodes),
    id: &Arc<str>,
    make: impl Fn(&Stored) -> Option<Change>,
) -> Attempt<Changed> {
    let mut check = false;
    let mut last = ClientError::BadVersion;
    for _ in 0..MAX_TRIES {
        let Some(mut stored) = find(session, nodes, id).await? else {
            return Ok(Changed::NoJob);
        };
        if check {
            check_entry(session, nodes, &mut stored).await?;
        }
        let Some(Change { mut operations, buckets }) = make(&stored) else {
            return Ok(Changed::Refused);
        };
        if is_too_large(&operations) {
            return Err(too_large(id, &operations).into());
        }
        operations.push(tell(access, nodes));
        let ready = access.buckets.ensure(session, buckets.into_iter().flatten());
        let sent = commit(session, &operations);
        ready.await?;
        match sent.await? {
            Outcome::Committed => return Ok(Changed::Written),
            Outcome::Refused(_, error) => {
                // Another process was first; or a folder is gone; or a manual edit removed the entry.
                if !matches!(error, ClientError::NoNode | ClientError::BadVersion) {
                    return Err(Failure::Refused(error));
                }
                last = error;
                access.buckets.forget();
                check = true;
            }
        }
    }
    Err(unexpected(last))
}

/// Removes all jobs. Those that others add or move meanwhile are removed as well, or come after it.
pub(crate) fn remove_all(access: &Access) -> Result<()> {
    while remove_once(access)? > 0 {}
    Ok(())
}

/// Removes the jobs that it finds, in order. Returns how many.
fn remove_once(access: &Access) -> Result<usize> {
    let (mut range, mut count) = (Range::default(), 0);
    loop {
        let (last, removed) = access.run(async |session, nodes| {
            let page = entries(session, nodes, &range, PAGE).await?;
            let last = page.last().cloned();
            Ok((last, remove_page(access, (session, nodes), page).await?))
        })?;
        count += removed;
        let Some(Entry { time: Some(time), id, .. }) = last else { break };
        range.after = Some((time, id.to_string()));
    }
    let mut after: Option<String> = None;
    loop {
        let (last, removed) = access.run(async |session, nodes| {
            let page = paused(session, nodes, after.as_deref(), PAGE).await?;
            let last = page.last().cloned();
            Ok((last, remove_page(access, (session, nodes), page).await?))
        })?;
        count += removed;
        let Some(last) = last else { return Ok(count) };
        after = Some(last.id.to_string());
    }
}

/// Removes the jobs of these entries. Returns how many.
async fn remove_page(
    access: &Access,
    (session, nodes): (&Session, &Nodes),
    page: Vec<Entry>,
) -> Attempt<usize> {
    let wanted = page.iter().map(|entry| (entry.id.clone(), Some(entry.clone())));
    let found = read(session, nodes, wanted).await?;
    let mut changes = Vec::new();
    for (entry, stored) in page.into_iter().zip(found) {
        match stored {
            // It is being added; whoever finds the transaction unfinished removes it.
            Some(stored) if stored.transaction.is_some() => {}
            Some(mut stored) => {
                if stored.entry() != entry {
                    // It was moved meanwhile, or edited manually. An entry without its job is removed by whoever finds it.
                    session.discard(&entry.path(nodes));
                    stored.has_entry = false;
                }
                changes.push(Change::remove(nodes, &stored).operations);
            }
            None => session.discard(&entry.path(nodes)),
        }
    }
    let (mut requests, mut room) = (Vec::new(), Room::default());
    for change in &changes {
        if !room.take(change) || requests.is_empty() {
            requests.push(vec![tell(access, nodes)]);
            room = Room::default();
            room.take(change);
        }
        if let Some(request) = requests.last_mut() {
            request.extend(change.iter().cloned());
        }
    }
    let sent: Vec<_> = requests.iter().map(|request| commit(session, request)).collect();
    let mut is_refused = false;
    for sent in sent {
        is_refused |= matches!(sent.await?, Outcome::Refused(..));
    }
    if is_refused {
        // Others have changed some of the jobs. Each on its own, without those; some are gone already.
        for change in &changes {
            commit(session, change).await?;
        }
    }
    Ok(changes.len())
}
