//! The ledger of the store.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::ledger::{
    Appended, BatchId, Journal, OpenQuery, OpenRun, OwnerRecord, OwnerState, Retention, RunLedger,
    RunQuery, RunRecord, Writes,
};
use apscheduler_core::run::{Owner, OwnerId, RunId};
use apscheduler_core::time::Timestamp;
use apscheduler_plugin_kit::store::find_runs;

use crate::access::Access;
use crate::{appending, finding, journal, open_runs, owners, pruning, runs, unfinished};

/// How many batches of the journal are read at once.
const PAGE: usize = 100;

/// Keeps the runs of the jobs of a store, below the same node.
pub(crate) struct ZooKeeperLedger {
    access: Arc<Access>,
}

impl ZooKeeperLedger {
    pub(crate) fn new(access: &Arc<Access>) -> Self {
        Self { access: Arc::clone(access) }
    }

    /// Returns up to a page of the latest batches before this one, from the latest to the earliest.
    fn batches(&self, before: Option<BatchId>) -> Result<Vec<Journal>> {
        self.access.read(async |session, nodes| {
            let mut parts = journal::parts(session, nodes).await?;
            parts.retain(|part| before.is_none_or(|before| part.batch < before));
            parts.reverse();
            loop {
                let mut page = parts.clone();
                page = journal::first_batches(page, PAGE);
                let found = journal::read(session, nodes, &page).await?;
                if !found.is_empty() || page.len() == parts.len() {
                    return Ok(found);
                }
                // All of them were closed meanwhile.
                parts.drain(..page.len());
            }
        })
    }
}

impl RunLedger for ZooKeeperLedger {
    fn append(&self, owner: OwnerId, writes: &Writes<'_>) -> Result<Appended> {
        appending::append(&self.access, owner, writes)
    }

    fn runs(&self, query: &RunQuery) -> Result<Vec<RunRecord>> {
        // The jobs of the open runs, by which their records are found.
        let jobs: RefCell<HashMap<RunId, Arc<str>>> = RefCell::default();
        find_runs(
            query,
            |before| {
                let page = self.batches(before)?;
                let entries = page.iter().flat_map(|journal| &journal.entries);
                jobs.borrow_mut().extend(entries.flat_map(|entry| {
                    entry.runs().map(|(run, _)| (run, Arc::clone(&entry.job_id)))
                }));
                Ok(page)
            },
            |open| {
                let jobs = jobs.borrow();
                let open: Vec<(RunId, &str)> =
                    open.iter().filter_map(|run| Some((*run, &**jobs.get(run)?))).collect();
                let has_ended =
                    async |session: &_, nodes: &_| runs::have_ended(session, nodes, &open).await;
                self.access.read(has_ended)
            },
            || self.access.read(async |session, nodes| runs::find(session, nodes, query).await),
        )
    }

    fn journal(&self, owner: OwnerId, limit: usize) -> Result<Vec<Journal>> {
        self.access.read(async |session, nodes| {
            let mut parts = journal::parts(session, nodes).await?;
            parts.retain(|part| part.owner == owner);
            journal::read(session, nodes, &journal::first_batches(parts, limit)).await
        })
    }

    fn has_open_runs(&self) -> bool {
        true
    }

    fn open_runs(&self, query: &OpenQuery) -> Result<Vec<OpenRun>> {
        self.access.read(async |session, nodes| open_runs::list(session, nodes, query).await)
    }

    fn claim_open(&self, owner: OwnerId, now: Timestamp, limit: usize) -> Result<Vec<OpenRun>> {
        self.access
            .run(async |session, nodes| open_runs::claim(session, nodes, owner, now, limit).await)
    }

    fn next_open(&self) -> Result<Option<Timestamp>> {
        self.access.read(async |session, nodes| open_runs::next_due(session, nodes).await)
    }

    fn heartbeat(&self, owner: &Owner, lease: Duration) -> Result<OwnerState> {
        self.access
            .run(async |session, nodes| owners::heartbeat(session, nodes, owner, lease).await)
    }

    fn end(&self, owner: OwnerId) -> Result<()> {
        self.access.run(async |session, nodes| owners::end(session, nodes, owner).await)
    }

    fn owners(&self) -> Result<Vec<OwnerRecord>> {
        self.access.read(async |session, nodes| {
            let mut busy = journal::owners(session, nodes).await?;
            busy.extend(open_runs::owners(session, nodes).await?);
            let owners = owners::all(session, nodes).await?;
            let records = owners.into_iter().filter_map(|(id, found)| {
                let is_listed = found.state() == OwnerState::Alive || busy.contains(&id);
                found.record.filter(|_| is_listed)
            });
            Ok(records.collect())
        })
    }

    fn condemn(&self, owner: OwnerId, heartbeat: Timestamp) -> Result<bool> {
        self.access
            .run(async |session, nodes| owners::condemn(session, nodes, owner, heartbeat).await)
    }

    fn prune(&self, now: Timestamp, retention: &Retention, limit: usize) -> Result<usize> {
        let access = &*self.access;
        let removed = access.run(async |session, nodes| {
            pruning::prune(session, nodes, now, retention, limit).await
        })?;
        access.run(async |session, nodes| {
            let mut busy = journal::owners(session, nodes).await?;
            busy.extend(open_runs::owners(session, nodes).await?);
            let before = retention.owners_before(now);
            let is_old = |record: &OwnerRecord| {
                record.state != OwnerState::Alive && record.heartbeat < before
            };
            let owners = owners::all(session, nodes).await?;
            let old = owners.into_iter().filter(|(id, found)| {
                !busy.contains(id) && found.record.as_ref().is_some_and(is_old)
            });
            owners::remove(session, nodes, old).await?;
            pruning::prune_tokens(session, nodes, now).await?;
            finding::remove_empty(session, nodes).await?;
            unfinished::prune(access, (session, nodes), now).await
        })?;
        Ok(removed)
    }
}

impl fmt::Debug for ZooKeeperLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZooKeeperLedger")
            .field("address", &self.access.config().address)
            .field("path", &self.access.config().path)
            .finish_non_exhaustive()
    }
}
