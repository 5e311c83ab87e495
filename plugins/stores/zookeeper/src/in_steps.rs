//! Adds more jobs than fit into one request: all of them or none.
//!
//! The jobs are written with the name of a transaction, in several requests. As long as there is a node of this name in
//! `adding`, none of them counts. Removing it is one request, and makes all of them count. Below the node are the ids, so
//! that whoever finds that the process has ended can remove what it has left.
//!
//! Anybody may abort a transaction that is in the way, by writing its node: it can't be completed then.
//!
//! Jobs that replace others follow after that, in steps, because they are there before and after it. They can't fail
//! because of a conflict.

use std::sync::Arc;

use apscheduler_core::store::NewRecord;
use apscheduler_core::{Error, ErrorKind, Result};
use zookeeper_client::Error as ClientError;

use crate::access::Access;
use crate::at_once;
use crate::failure::{Attempt, Failure};
use crate::jobs::{Change, read};
use crate::names::STORE_NAME;
use crate::nodes::{Nodes, id_name};
use crate::session::Session;
use crate::transaction::{Operation, Outcome, Room, commit, unexpected};
use crate::unfinished::abort;
use crate::writing::tell;

/// The version of the node of a transaction that was not aborted.
const UNTOUCHED: i32 = 0;

/// How many requests are sent at once.
const AT_ONCE: usize = 4;

/// Adds records.
pub(crate) fn add(access: &Access, records: &[NewRecord]) -> Result<()> {
    let transaction = uuid::Uuid::new_v4().simple().to_string();
    let (old, new): (Vec<_>, Vec<_>) = split(access, records)?;
    add_new(access, &transaction, &new).inspect_err(|_| {
        let undone =
            access.run(async |session, nodes| abort(access, (session, nodes), &transaction).await);
        if let Err(error) = undone {
            // They do not count. The next scheduler that removes old records removes them as well.
            tracing::warn!("jobs that were not added are removed later: {}", error.chain());
        }
    })?;
    for records in pages(access, &old)? {
        access.run(async |session, nodes| at_once::add(access, (session, nodes), records).await)?;
    }
    Ok(())
}

/// Splits off the records that replace jobs.
fn split(access: &Access, records: &[NewRecord]) -> Result<(Vec<NewRecord>, Vec<NewRecord>)> {
    let mut exists = vec![false; records.len()];
    for (page, exists) in records.chunks(1000).zip(exists.chunks_mut(1000)) {
        access.run(async |session, nodes| {
            let wanted = page.iter().map(|record| (Arc::clone(&record.id), None));
            let found = read(session, nodes, wanted).await?;
            for (found, exists) in found.iter().zip(&mut *exists) {
                *exists = found.as_ref().is_some_and(|found| found.transaction.is_none());
            }
            Ok(())
        })?;
    }
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for (record, exists) in records.iter().zip(exists) {
        match (exists, record.replace) {
            (true, false) => return Err(Error::conflicting_id(&*record.id)),
            (true, true) => old.push(record.clone()),
            (false, _) => new.push(record.clone()),
        }
    }
    Ok((old, new))
}

/// Splits records into what fits into a request each.
fn pages<'a>(access: &Access, records: &'a [NewRecord]) -> Result<Vec<&'a [NewRecord]>> {
    let nobody = Nodes::new(&access.config().path, "");
    let (mut pages, mut room, mut start) = (Vec::new(), Room::default(), 0);
    for (place, record) in records.iter().enumerate() {
        let Change { mut operations, .. } = at_once::new(&nobody, record, Some("0"))?;
        // The id is written once more, and a job that is replaced has an entry to remove.
        operations.push(Operation::create(nobody.job(&record.id), id_name(&record.id)));
        if !room.take(&operations) {
            pages.push(&records[start..place]);
            (start, room) = (place, Room::default());
            room.take(&operations);
        }
    }
    if start < records.len() {
        pages.push(&records[start..]);
    }
    Ok(pages)
}

fn add_new(access: &Access, transaction: &str, records: &[NewRecord]) -> Result<()> {
    if records.is_empty() {
        return Ok(());
    }
    access.run(async |session, nodes| {
        let begin = [Operation::create(nodes.adding(transaction), "")];
        match commit(session, &begin).await? {
            // It was sent before, and the answer was lost.
            Outcome::Committed | Outcome::Refused(_, ClientError::NodeExists) => Ok(()),
            Outcome::Refused(_, error) => Err(unexpected(error)),
        }
    })?;
    let pages = pages(access, records)?;
    let numbered: Vec<_> = pages.into_iter().enumerate().collect();
    for some in numbered.chunks(AT_ONCE) {
        access.run(async |session, nodes| {
            add_pages(access, (session, nodes), transaction, some).await
        })?;
    }
    access.run(async |session, nodes| complete(access, (session, nodes), transaction).await)
}

/// Adds some pages of a transaction.
async fn add_pages(
    access: &Access,
    (session, nodes): (&Session, &Nodes),
    transaction: &str,
    pages: &[(usize, &[NewRecord])],
) -> Attempt<()> {
    let mut requests = Vec::new();
    let mut buckets = Vec::new();
    for (number, records) in pages {
        let ids: Vec<String> = records.iter().map(|record| id_name(&record.id)).collect();
        let path = format!("{}/{number}", nodes.adding(transaction));
        let mut operations = vec![Operation::create(path, ids.join("\n"))];
        for record in *records {
            let change = at_once::new(nodes, record, Some(transaction))?;
            operations.extend(change.operations);
            buckets.extend(change.buckets.into_iter().flatten());
        }
        requests.push((operations, *records));
    }
    for is_last in [false, true] {
        let ready = access.buckets.ensure(session, buckets.iter().cloned());
        let sent: Vec<_> = requests.iter().map(|(request, _)| commit(session, request)).collect();
        ready.await?;
        let mut left = Vec::new();
        for ((request, records), sent) in requests.into_iter().zip(sent) {
            let Outcome::Refused(index, error) = sent.await? else { continue };
            match error {
                // A folder of an entry is gone.
                ClientError::NoNode if index > 0 && index % 2 == 0 && !is_last => {
                    left.push((request, records));
                }
                ClientError::NodeExists if index > 0 => {
                    let record = &records[(index - 1) / 2];
                    return Err(conflict(session, nodes, record).await?.into());
                }
                error => return Err(unexpected(error)),
            }
        }
        if left.is_empty() {
            break;
        }
        access.buckets.forget();
        requests = left;
    }
    Ok(())
}

/// Returns the error for an id that another process has just added.
async fn conflict(session: &Session, nodes: &Nodes, record: &NewRecord) -> Attempt<Error> {
    let found = read(session, nodes, [(Arc::clone(&record.id), None)]).await?.pop().flatten();
    let is_job = found.is_some_and(|found| found.transaction.is_none());
    if is_job && !record.replace {
        return Ok(Error::conflicting_id(&*record.id));
    }
    Ok(interrupted())
}

fn interrupted() -> Error {
    let message = "another process adds jobs with the same ids at the same time; nothing was added";
    Error::new(ErrorKind::Unavailable, message).with_plugin(STORE_NAME)
}

/// Makes the jobs of a transaction count.
async fn complete(
    access: &Access,
    (session, nodes): (&Session, &Nodes),
    transaction: &str,
) -> Attempt<()> {
    let path = nodes.adding(transaction);
    let pages = session.list(&path).await?.unwrap_or_default();
    let mut operations: Vec<_> =
        pages.iter().map(|page| Operation::delete(format!("{path}/{page}"))).collect();
    operations.push(Operation::Delete { path, version: Some(UNTOUCHED) });
    operations.push(tell(access, nodes));
    match commit(session, &operations).await? {
        Outcome::Committed => Ok(()),
        // Another process has aborted it, and may have removed its jobs already.
        Outcome::Refused(_, ClientError::BadVersion | ClientError::NoNode) => {
            Err(interrupted().into())
        }
        Outcome::Refused(_, error) => Err(Failure::Refused(error)),
    }
}
