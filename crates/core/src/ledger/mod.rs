//! The contract of run ledgers: [`RunLedger`], and the records that it keeps.
//!
//! A ledger says what became of each planned run time: how it ended, or why it did not run. A job store hands its ledger
//! out with [`JobStore::ledger`](crate::store::JobStore::ledger), or has none.
//!
//! A record is written in two steps. The claim of a batch writes a **journal entry** in its own transaction: the run times
//! that were claimed, and by whom. The end of a run appends its **record**. A batch whose runs have all ended is closed, and
//! its journal entry is removed. So a run that has a journal entry and no record is open, and if its owner is dead, nobody
//! knows how it ended: it is lost.

mod history;
mod journal;
mod json;
mod query;
mod record;
mod retention;

use std::fmt;

pub use history::History;
pub use journal::{Batch, BatchId, Journal, JournalEntry};
pub use query::RunQuery;
pub use record::{Reason, RunRecord, RunState};
pub use retention::Retention;

use crate::Result;
use crate::run::OwnerId;
use crate::time::Timestamp;

/// Keeps the records of runs.
///
/// All methods may be called from several threads at once. Times are UTC, to the microsecond.
pub trait RunLedger: fmt::Debug + Send + Sync + 'static {
    /// Writes records, and removes the journal entries of batches whose runs have all ended, in one transaction.
    ///
    /// A record of the same run and attempt that exists already stays as it is: the first outcome counts.
    ///
    /// # Errors
    /// Any error from the backend. Then nothing was written, or the outcome is unknown; the same call may be made again.
    fn append(&self, records: &[RunRecord], closed: &[BatchId]) -> Result<()>;

    /// Returns the records that match, those of the latest runs first, and the open runs among them.
    ///
    /// # Errors
    /// Any error from the backend.
    fn runs(&self, query: &RunQuery) -> Result<Vec<RunRecord>>;

    /// Returns up to `limit` journal entries of an owner, the oldest batches first.
    ///
    /// # Errors
    /// Any error from the backend.
    fn journal(&self, owner: OwnerId, limit: usize) -> Result<Vec<Journal>>;

    /// Removes up to `limit` records that the retention does not keep at `now`, the oldest first. Returns how many it removed.
    ///
    /// # Errors
    /// Any error from the backend.
    fn prune(&self, now: Timestamp, retention: &Retention, limit: usize) -> Result<usize>;
}
