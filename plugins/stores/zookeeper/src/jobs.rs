//! The nodes of jobs, and the operations that change them together with their entries.
//!
//! The data of a node is `REVISION RUN_TIME STATE`. A job that was added with others, by a transaction of several requests,
//! has `adding TRANSACTION` before that. It does not count as long as there is a node for the transaction.

use std::collections::HashSet;
use std::sync::Arc;

use apscheduler_core::store::JobRecord;
use apscheduler_core::time::Timestamp;
use apscheduler_plugin_kit::store::text::{PAUSED, job_text, read_job};

use crate::entry::{Entry, next_revision};
use crate::failure::{Attempt, Failure};
use crate::nodes::Nodes;
use crate::session::Session;
use crate::transaction::Operation;

/// What the data of a job begins with that was added by a transaction of several requests.
const ADDING: &str = "adding ";

/// A job as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) record: JobRecord,
    /// The version of its node.
    pub(crate) version: i32,
    /// The transaction that adds it, if it does not count yet.
    pub(crate) transaction: Option<String>,
    /// Whether it has an entry. A manual edit may have removed it.
    pub(crate) has_entry: bool,
}

impl Stored {
    /// Reads the data of a node. `indexed` is its run time if a manual edit broke that in the data.
    fn read(id: &Arc<str>, indexed: &str, data: &[u8], version: i32) -> Self {
        let (transaction, data) = split_transaction(data);
        let record = read_job(Arc::clone(id), indexed, data);
        Self { record, version, transaction, has_entry: true }
    }

    /// Whether a manual edit broke what precedes the state.
    pub(crate) fn is_damaged(&self) -> bool {
        self.record.revision == 0
    }

    pub(crate) fn entry(&self) -> Entry {
        Entry::new(self.record.next_run_time, &self.record.id, self.record.revision)
    }
}

/// Splits data into the transaction, if it has one, and the rest.
fn split_transaction(data: &[u8]) -> (Option<String>, &[u8]) {
    let split = || {
        let rest = data.strip_prefix(ADDING.as_bytes())?;
        let end = rest.iter().position(|byte| *byte == b' ')?;
        let transaction = std::str::from_utf8(&rest[..end]).ok()?;
        Some((Some(transaction.to_owned()), &rest[end + 1..]))
    };
    split().unwrap_or((None, data))
}

/// Reads the jobs with these ids. Those that do not exist are `None`.
pub(crate) async fn read(
    session: &Session,
    nodes: &Nodes,
    ids: impl IntoIterator<Item = (Arc<str>, Option<Entry>)>,
) -> Attempt<Vec<Option<Stored>>> {
    let ids: Vec<_> = ids.into_iter().collect();
    let reads: Vec<_> = ids.iter().map(|(id, _)| session.get(&nodes.job(id))).collect();
    // After the jobs: a transaction that is not among these has ended, or begins later.
    let adding = session.list(&nodes.folder("adding"));
    let mut found = Vec::with_capacity(ids.len());
    for ((id, entry), read) in ids.iter().zip(reads) {
        let indexed = entry.as_ref().and_then(|entry| entry.time.as_deref()).unwrap_or(PAUSED);
        let data = read.await?;
        found.push(data.map(|(data, stat)| Stored::read(id, indexed, &data, stat.version)));
    }
    let adding: HashSet<String> = adding.await?.ok_or(Failure::Missing)?.into_iter().collect();
    for ((_, entry), stored) in ids.into_iter().zip(&mut found) {
        let Some(stored) = stored else { continue };
        stored.transaction.take_if(|transaction| !adding.contains(transaction));
        if let Some(entry) = entry.filter(|_| stored.is_damaged()) {
            stored.record.revision = entry.revision;
        }
    }
    Ok(found)
}

/// Reads a job. One that does not count yet is there too.
pub(crate) async fn read_one(
    session: &Session,
    nodes: &Nodes,
    id: &Arc<str>,
) -> Attempt<Option<Stored>> {
    Ok(read(session, nodes, [(Arc::clone(id), None)]).await?.pop().flatten())
}

/// The change of a job: operations that belong together, and the folders that they need.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) operations: Vec<Operation>,
    pub(crate) buckets: Option<[String; 2]>,
}

impl Change {
    /// Adds a job.
    pub(crate) fn add(
        nodes: &Nodes,
        id: &Arc<str>,
        time: Option<Timestamp>,
        state: &str,
        transaction: Option<&str>,
    ) -> Self {
        let revision = next_revision(0);
        let entry = Entry::new(time, id, revision);
        let mut text = job_text(revision, time, state);
        if let Some(transaction) = transaction {
            text = format!("{ADDING}{transaction} {text}");
        }
        let job = Operation::create(nodes.job(id), text);
        let operations = vec![job, Operation::create(entry.path(nodes), "")];
        Self { operations, buckets: entry.buckets(nodes) }
    }

    /// Writes a job that is still as it was read.
    pub(crate) fn write(
        nodes: &Nodes,
        stored: &Stored,
        time: Option<Timestamp>,
        state: &str,
    ) -> Self {
        let id = &stored.record.id;
        let revision = next_revision(stored.record.revision);
        let entry = Entry::new(time, id, revision);
        let text = job_text(revision, time, state);
        let mut operations = vec![Operation::set(nodes.job(id), text, stored.version)];
        operations.extend(remove_entry(nodes, stored));
        operations.push(Operation::create(entry.path(nodes), ""));
        Self { operations, buckets: entry.buckets(nodes) }
    }

    /// Removes a job that is still as it was read.
    pub(crate) fn remove(nodes: &Nodes, stored: &Stored) -> Self {
        let (path, version) = (nodes.job(&stored.record.id), Some(stored.version));
        let mut operations = vec![Operation::Delete { path, version }];
        operations.extend(remove_entry(nodes, stored));
        Self { operations, buckets: None }
    }
}

fn remove_entry(nodes: &Nodes, stored: &Stored) -> Option<Operation> {
    stored.has_entry.then(|| Operation::delete(stored.entry().path(nodes)))
}

/// Notes whether the entry exists. A job without one was edited manually.
pub(crate) async fn check_entry(
    session: &Session,
    nodes: &Nodes,
    stored: &mut Stored,
) -> Attempt<()> {
    stored.has_entry = session.stat(&stored.entry().path(nodes)).await?.is_some();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_split_from_its_transaction() {
        let read = |data: &str| Stored::read(&"a".into(), PAUSED, data.as_bytes(), 3);
        let stored = read("adding t1 7 paused {}");
        assert_eq!((stored.transaction.as_deref(), stored.record.revision), (Some("t1"), 7));
        assert_eq!(stored.record.payload.as_text(), Some("{}"));
        let stored = read("7 paused {}");
        assert_eq!((stored.transaction, stored.record.revision), (None, 7));
        for data in ["", "adding", "adding t1", "7 {}"] {
            let stored = read(data);
            assert!(stored.is_damaged() && stored.transaction.is_none(), "{data}");
            assert_eq!(stored.record.payload.as_text(), Some(data));
        }
    }
}
