//! The journal of claims: an entry for each job of a batch, written in the transaction that claims the job.

use std::collections::HashMap;
use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::ledger::{BatchId, Journal, RunState};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_plugin_kit::store::text::read_journal;

use crate::access::Access;
use crate::keys::{KeyRange, read_inverted};
use crate::names::STORE_NAME;
use crate::transaction::{Entry, Query};

/// How many entries are read at once.
const PAGE: usize = 1000;

/// Returns up to `limit` batches of an owner, the oldest first.
pub(crate) fn of_owner(access: &Access, owner: OwnerId, limit: usize) -> Result<Vec<Journal>> {
    let batches = access.keys().busy_with(owner);
    let (mut range, mut journals) = (batches.clone(), Vec::new());
    while journals.len() < limit {
        let found = access.read_one(Query::range(&range, limit.min(PAGE)).keys_only())?;
        let Some(last) = found.entries.last() else { break };
        range = range.after(&last.key);
        for batch in &found.entries {
            let batch = batch.key.strip_prefix(&batches.from).and_then(|batch| batch.parse().ok());
            let Some(batch) = batch else { continue };
            let entries = access.read_one(Query::range(&access.keys().batch(batch), usize::MAX))?;
            journals.extend(read(batch, &entries.entries)?);
            if journals.len() == limit {
                break;
            }
        }
        if !found.has_more {
            break;
        }
    }
    Ok(journals)
}

/// Reads a batch from its entries. Returns `None` if it has none.
fn read(batch: BatchId, entries: &[Entry]) -> Result<Option<Journal>> {
    let mut journal: Option<Journal> = None;
    for entry in entries {
        let read =
            read_journal(batch, &entry.value).map_err(|error| error.with_plugin(STORE_NAME))?;
        match &mut journal {
            Some(journal) => journal.entries.extend(read.entries),
            None => journal = Some(read),
        }
    }
    Ok(journal)
}

/// The pages of the journal, from the latest batch to the earliest.
pub(crate) struct Pages<'a> {
    access: &'a Access,
    /// What is left, unless all was read.
    left: Option<KeyRange>,
    /// The jobs of the runs of all pages.
    pub(crate) jobs: HashMap<RunId, Arc<str>>,
}

impl<'a> Pages<'a> {
    pub(crate) fn new(access: &'a Access) -> Self {
        Self { access, left: Some(access.keys().journal()), jobs: HashMap::new() }
    }

    /// Returns the next page, of batches before this one. It is empty only if there are no more.
    pub(crate) fn next(&mut self, before: Option<BatchId>) -> Result<Vec<Journal>> {
        let all = self.access.keys().journal();
        let Some(mut range) = self.left.take() else { return Ok(Vec::new()) };
        if let Some(before) = before {
            range = range.starting_at(self.access.keys().batch(before).to);
        }
        let found = self.access.read_one(Query::range(&range, PAGE))?;
        let mut entries = found.entries;
        let batch_of =
            |entry: &Entry| read_inverted(entry.key.strip_prefix(&all.from)?.split_once('/')?.0);
        if found.has_more
            && let Some(last) = entries.last()
        {
            // The last batch is read as a whole.
            if let Some(batch) = batch_of(last) {
                let rest = self.access.keys().batch(batch);
                entries.extend(
                    self.access.read_one(Query::range(&rest.after(&last.key), usize::MAX))?.entries,
                );
                self.left = Some(KeyRange { from: rest.to, to: range.to });
            } else {
                self.left = Some(range.after(&last.key));
            }
        }
        let mut journals = Vec::new();
        for entries in entries.chunk_by(|one, other| batch_of(one) == batch_of(other)) {
            if let Some(batch) = entries.first().and_then(batch_of) {
                journals.extend(read(batch, entries)?);
            }
        }
        for record in journals.iter().flat_map(|journal| journal.records(RunState::Claimed)) {
            self.jobs.insert(record.run_id, record.job_id);
        }
        if journals.is_empty() && self.left.is_some() {
            return self.next(before);
        }
        Ok(journals)
    }
}
