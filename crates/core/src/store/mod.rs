//! The contract of job stores: [`JobStore`], and the types that it passes.
//!
//! The structs are `#[non_exhaustive]` and have constructors, so that fields can be added. The enums are exhaustive: a
//! store that does not know a decision could not carry it out.

mod capabilities;
mod claim;
mod record;
mod watch;

use std::fmt;
use std::sync::Arc;

pub use capabilities::StoreCapabilities;
pub use claim::{
    Claim, ClaimCursor, ClaimOutcome, ClaimRequest, Claims, Decision, NextRun, RunTimes, TieBreaker,
};
pub use record::{Cursor, JobPayload, JobRecord, NewRecord};
pub use watch::{ChangeNotifier, Watch};

use crate::Result;
use crate::ledger::RunLedger;
use crate::time::Timestamp;

/// Keeps job records: an id, the next run time, a revision, and a payload that the store does not look into.
///
/// All methods may be called from several threads at once. Times are UTC, to the microsecond. Every write raises the
/// revision of the record, and a write that names a revision is a compare-and-set on it.
pub trait JobStore: fmt::Debug + Send + Sync + 'static {
    /// Returns what the store can do. The answer never changes.
    fn capabilities(&self) -> StoreCapabilities;

    /// Connects and creates the schema. Called before all other methods except [`capabilities`](Self::capabilities), and
    /// again at the next start after a [`shutdown`](Self::shutdown). `alias` is the name in the scheduler.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) with the address, but no password, if the backend can't
    /// be reached.
    fn start(&self, alias: &str) -> Result<()> {
        let _ = alias;
        Ok(())
    }

    /// Connects read-only, in place of [`start`](Self::start), for commands that look at the jobs of other schedulers.
    /// Only [`lookup_job`](Self::lookup_job), [`get_jobs`](Self::get_jobs) and [`next_run_time`](Self::next_run_time) are
    /// called until [`shutdown`](Self::shutdown).
    ///
    /// A store that can connect without writing does so: it needs no write permission, and neither creates nor migrates a
    /// schema. It refuses newer schemas and the data of other programs, as `start` does. If no store was ever started
    /// there, it has no jobs: it logs a warning and changes nothing.
    ///
    /// The default calls [`start`](Self::start).
    ///
    /// # Errors
    /// As [`start`](Self::start).
    fn start_read_only(&self, alias: &str) -> Result<()> {
        self.start(alias)
    }

    /// Disconnects from the backend. A durable store keeps its jobs.
    ///
    /// Calls in progress in other threads fail soon, even if the backend hangs: a scheduler that is shut down without
    /// waiting calls this to interrupt them.
    ///
    /// # Errors
    /// Any error from the backend.
    fn shutdown(&self) -> Result<()> {
        Ok(())
    }

    /// Returns the record with this id, or `None`.
    ///
    /// # Errors
    /// Any error from the backend.
    fn lookup_job(&self, id: &str) -> Result<Option<JobRecord>>;

    /// Returns a page of at most `limit` records after `after`, ordered by next run time (paused jobs last), then by id.
    ///
    /// # Errors
    /// Any error from the backend.
    fn get_jobs(&self, after: Option<&Cursor>, limit: usize) -> Result<Vec<JobRecord>>;

    /// Returns the earliest next run time later than `after`.
    ///
    /// # Errors
    /// Any error from the backend.
    fn next_run_time(&self, after: Option<Timestamp>) -> Result<Option<Timestamp>>;

    /// Adds all of the records or none.
    ///
    /// # Errors
    /// [`ErrorKind::ConflictingId`](crate::ErrorKind::ConflictingId) with the id, if a record with it exists and the new
    /// one does not set `replace`, or if `records` has the same id twice.
    fn add_jobs(&self, records: Vec<NewRecord>) -> Result<()>;

    /// Writes the next run time and the payload if the stored record still has `record.revision`.
    ///
    /// Returns `false` if it has another revision; the caller then reads it again.
    ///
    /// # Errors
    /// [`ErrorKind::JobLookup`](crate::ErrorKind::JobLookup) if there is no such record.
    fn update_job(&self, record: &JobRecord) -> Result<bool>;

    /// Removes the record. Returns `false` if there is none.
    ///
    /// # Errors
    /// Any error from the backend.
    fn remove_job(&self, id: &str) -> Result<bool>;

    /// Removes all records.
    ///
    /// # Errors
    /// Any error from the backend.
    fn remove_all_jobs(&self) -> Result<()>;

    /// Finds due records, calls `decide` for each in the order of run times, and writes the decisions in a constant
    /// number of round trips.
    ///
    /// Atomic for each record: of any number of callers on any number of hosts, one wins each run time. The claims are
    /// returned in the order of the calls of `decide`, without those that another caller won.
    ///
    /// # Errors
    /// Any error from the backend. Then nothing of this batch was claimed, or the outcome is unknown because the answer
    /// was lost: a later call finds out, and returns what was won (see `ClaimsInDoubt` in
    /// `apscheduler-plugin-kit`).
    ///
    /// [`ErrorKind::StoreReplaced`](crate::ErrorKind::StoreReplaced), once, after the jobs were emptied, restored or
    /// replaced while the store was open (see `Replacement` there). The scheduler tells its listeners, starts a new watch,
    /// and calls again at once.
    fn claim_due(
        &self,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Claims>;

    /// Returns the ledger that keeps the runs of this store's jobs, or `None` if the store has none. It works between
    /// [`start`](Self::start) and [`shutdown`](Self::shutdown).
    fn ledger(&self) -> Option<Arc<dyn RunLedger>> {
        None
    }

    /// Notifies `changed` of changes that others make to the store, until the returned [`Watch`] is dropped. Returns
    /// `None` if the store can't watch.
    ///
    /// # Errors
    /// Any error from the backend.
    fn watch(&self, changed: ChangeNotifier) -> Result<Option<Watch>> {
        let _ = changed;
        Ok(None)
    }
}
