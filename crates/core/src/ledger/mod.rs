//! The contract of run ledgers: [`RunLedger`], and the records that it keeps.
//!
//! A ledger says what became of each planned run time: how it ended, or why it did not run. A job store hands its ledger
//! out with [`JobStore::ledger`](crate::store::JobStore::ledger), or has none.
//!
//! A record is written in two steps. The claim of a batch writes a **journal entry** in its own transaction: the run times
//! that were claimed, and by whom. The end of a run appends its **record**. A batch whose runs have all ended is closed, and
//! its journal entry is removed. So a run that has a journal entry and no record is open, and if its owner is dead, nobody
//! knows how it ended: it is lost. A run that may be tried again has a row of its own as well: it is an [`OpenRun`].
//!
//! Changes of jobs have records too, in the state [`Changed`](RunState::Changed): each says who did what, as a [`Change`].

mod change;
mod history;
mod journal;
mod json;
mod open;
mod owner;
mod query;
mod record;
mod retention;
mod skipped;
mod writes;

use std::fmt;
use std::time::Duration;

pub use change::{Change, ChangeKind};
pub use history::History;
pub use journal::{Batch, BatchId, Journal, JournalEntry};
pub use open::{OpenMark, OpenQuery, OpenRun, OpenState, OpenStep};
pub use owner::{Appended, OwnerRecord, OwnerState};
pub use query::RunQuery;
pub use record::{Reason, RunRecord, RunState};
pub use retention::Retention;
pub use skipped::Skipped;
pub use writes::Writes;

use crate::Result;
use crate::run::{Owner, OwnerId};
use crate::time::Timestamp;

/// Keeps the records of runs.
///
/// All methods may be called from several threads at once. Times are UTC, to the microsecond. The defaults are those of a
/// ledger that ends with its process: it has no journal, and no other owners.
pub trait RunLedger: fmt::Debug + Send + Sync + 'static {
    /// Writes records of runs that this owner claimed, removes the journal entries of batches whose runs have all ended, and
    /// carries out the steps of open runs, in one transaction.
    ///
    /// A record of the same run and attempt that exists already stays as it is: the first outcome counts. A step whose row is
    /// not as it expects does nothing. If the owner is [dead](OwnerState::Dead), nothing is written, except the state of each
    /// record into [`RunRecord::late`] of the record that says that the run is lost.
    ///
    /// # Errors
    /// Any error from the backend. Then nothing was written, or the outcome is unknown; the same call may be made again.
    fn append(&self, owner: OwnerId, writes: &Writes<'_>) -> Result<Appended>;

    /// Returns the records that match, those of the latest runs first, and the open runs among them.
    ///
    /// # Errors
    /// Any error from the backend.
    fn runs(&self, query: &RunQuery) -> Result<Vec<RunRecord>>;

    /// Returns up to `limit` journal entries of an owner, the oldest batches first.
    ///
    /// # Errors
    /// Any error from the backend.
    fn journal(&self, owner: OwnerId, limit: usize) -> Result<Vec<Journal>> {
        let _ = (owner, limit);
        Ok(Vec::new())
    }

    /// Returns whether the ledger keeps [open runs](OpenRun). One that does writes those of a journal entry
    /// ([`Journal::open`]) in the transaction of the claim.
    fn has_open_runs(&self) -> bool {
        false
    }

    /// Returns the open runs that match, in the order of their identifiers.
    ///
    /// # Errors
    /// Any error from the backend.
    fn open_runs(&self, query: &OpenQuery) -> Result<Vec<OpenRun>> {
        let _ = query;
        Ok(Vec::new())
    }

    /// Claims up to `limit` of the waiting runs that are due at `now`, those that were due first, and returns them as they
    /// are then: claimed by this owner. Of several callers, one gets each run. A dead owner gets none.
    ///
    /// # Errors
    /// Any error from the backend. Then nothing was claimed, or the outcome is unknown:
    /// [`open_runs`](Self::open_runs) of this owner tells.
    fn claim_open(&self, owner: OwnerId, now: Timestamp, limit: usize) -> Result<Vec<OpenRun>> {
        let _ = (owner, now, limit);
        Ok(Vec::new())
    }

    /// Returns when the first of the waiting runs is due.
    ///
    /// # Errors
    /// Any error from the backend.
    fn next_open(&self) -> Result<Option<Timestamp>> {
        Ok(None)
    }

    /// Notes that an owner is alive, by the clock of the backend, and will note it again within the lease. Returns its state:
    /// one that is dead stays dead.
    ///
    /// # Errors
    /// Any error from the backend.
    fn heartbeat(&self, owner: &Owner, lease: Duration) -> Result<OwnerState> {
        let _ = (owner, lease);
        Ok(OwnerState::Alive)
    }

    /// Notes that an owner was shut down, unless it is dead.
    ///
    /// # Errors
    /// Any error from the backend.
    fn end(&self, owner: OwnerId) -> Result<()> {
        let _ = owner;
        Ok(())
    }

    /// Returns the owners that are alive, and those that have journal entries or claimed open runs.
    ///
    /// # Errors
    /// Any error from the backend.
    fn owners(&self) -> Result<Vec<OwnerRecord>> {
        Ok(Vec::new())
    }

    /// Notes that an owner is dead, if it is alive and its last heartbeat is still this one. Returns whether that was so.
    ///
    /// # Errors
    /// Any error from the backend.
    fn condemn(&self, owner: OwnerId, heartbeat: Timestamp) -> Result<bool> {
        let _ = (owner, heartbeat);
        Ok(false)
    }

    /// Removes up to `limit` records that the retention does not keep at `now`, the oldest first, and owners that ended or
    /// died before and have neither journal entries nor open runs. Returns how many records it removed.
    ///
    /// # Errors
    /// Any error from the backend.
    fn prune(&self, now: Timestamp, retention: &Retention, limit: usize) -> Result<usize> {
        let _ = (now, retention, limit);
        Ok(0)
    }
}
