//! The ledger of the store.
//!
//! Its keys are beside those of the jobs, so the [journal] entry of a claim and the [rows](open_rows) of its open runs are
//! written in the transaction of the claim. [Appending](appending) is one transaction too, unless it does not fit into one:
//! then what belongs to one run stays together, and batches are closed after the last of their records.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::ledger::{
    Appended, Journal, OpenQuery, OpenRun, OwnerRecord, OwnerState, Retention, RunLedger, RunQuery,
    RunRecord, Writes,
};
use apscheduler_core::run::{Owner, OwnerId};
use apscheduler_core::time::Timestamp;
use apscheduler_plugin_kit::store::find_runs;

use crate::access::Access;
use crate::journal::Pages;
use crate::{appending, journal, open_rows, open_runs, owners, pruning, runs};

/// Keeps the runs of the jobs of a store, under the same path.
pub(crate) struct EtcdLedger {
    access: Arc<Access>,
}

impl EtcdLedger {
    pub(crate) fn new(access: &Arc<Access>) -> Self {
        Self { access: Arc::clone(access) }
    }
}

impl RunLedger for EtcdLedger {
    fn append(&self, owner: OwnerId, writes: &Writes<'_>) -> Result<Appended> {
        appending::append(&self.access, owner, writes)
    }

    fn runs(&self, query: &RunQuery) -> Result<Vec<RunRecord>> {
        let pages = std::cell::RefCell::new(Pages::new(&self.access));
        find_runs(
            query,
            |before| pages.borrow_mut().next(before),
            |open| runs::have_ended(&self.access, open, &pages.borrow().jobs),
            || runs::find(&self.access, query),
        )
    }

    fn journal(&self, owner: OwnerId, limit: usize) -> Result<Vec<Journal>> {
        journal::of_owner(&self.access, owner, limit)
    }

    fn has_open_runs(&self) -> bool {
        true
    }

    fn open_runs(&self, query: &OpenQuery) -> Result<Vec<OpenRun>> {
        open_runs::list(&self.access, query)
    }

    fn claim_open(&self, owner: OwnerId, now: Timestamp, limit: usize) -> Result<Vec<OpenRun>> {
        open_runs::claim(&self.access, owner, now, limit)
    }

    fn next_open(&self) -> Result<Option<Timestamp>> {
        open_runs::next_due(&self.access)
    }

    fn heartbeat(&self, owner: &Owner, lease: Duration) -> Result<OwnerState> {
        owners::heartbeat(&self.access, owner, lease)
    }

    fn end(&self, owner: OwnerId) -> Result<()> {
        owners::end(&self.access, owner)
    }

    fn owners(&self) -> Result<Vec<OwnerRecord>> {
        owners::list(&self.access)
    }

    fn condemn(&self, owner: OwnerId, heartbeat: Timestamp) -> Result<bool> {
        owners::condemn(&self.access, owner, heartbeat)
    }

    fn prune(&self, now: Timestamp, retention: &Retention, limit: usize) -> Result<usize> {
        owners::prune(&self.access, retention.owners_before(now))?;
        open_rows::remove_unshared(&self.access)?;
        pruning::prune(&self.access, now, retention, limit)
    }
}

impl fmt::Debug for EtcdLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = self.access.config();
        f.debug_struct("EtcdLedger")
            .field("address", &config.address.shown)
            .field("path", &config.keys.path())
            .finish_non_exhaustive()
    }
}
