//! Job stores keep jobs.

mod batch;
mod claim;
mod contention;
mod decided;
mod doubt;
mod memory;
mod pool;
mod record;
mod schema;
mod started;
mod token;
mod watch;

use std::fmt;

pub use batch::Batch;
pub use claim::{Advance, Claim, Claims, Decision, Due, DueCursor, NextRun, RunTimes, Tie};
pub use contention::Contention;
pub use decided::DecidedBatch;
pub use doubt::ClaimsInDoubt;
pub use memory::{MEMORY_PLUGIN, MemoryJobStore};
pub use pool::{ConnectionPool, Connector, Failed, Lease, PoolOptions};
pub use record::{Cursor, JobRecord, JobState, NewRecord};
pub use schema::{foreign_table, newer_schema};
pub use started::Started;
pub use token::{ClaimToken, ClaimTokens, TransactionsInDoubt};
pub use watch::{ChangeNotifier, Watch};

use crate::Result;
use crate::time::Timestamp;

/// What a store can do, and what it needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent yes-or-no facts")]
pub struct StoreCapabilities {
    /// Jobs survive the end of the process.
    pub durable: bool,
    /// Several processes may open the same jobs at once.
    pub shared: bool,
    /// Jobs are kept as text, so closures can't be. A store that says no is handed [`JobState::Live`].
    pub serializes: bool,
    /// Calls do I/O and may take long, so the engine makes them from a thread of the store's own.
    pub blocking: bool,
    /// [`JobStore::watch`] tells of changes that others make.
    pub watch: bool,
}

/// Keeps job records: an id, the next run time, a revision, and a job state that it does not look into.
///
/// All methods may be called from several threads at once. Times are UTC, to the microsecond. Every write raises the
/// revision of the record, and a write that names a revision is a compare-and-set on it.
pub trait JobStore: fmt::Debug + Send + Sync + 'static {
    /// What the store can do. The answer never changes.
    fn capabilities(&self) -> StoreCapabilities;

    /// Connects and makes the schema. Called once before all other methods; `alias` is the name in the scheduler.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) with the address, and without any password, where
    /// the backend can't be reached.
    fn start(&self, alias: &str) -> Result<()> {
        let _ = alias;
        Ok(())
    }

    /// Lets go of the backend. Jobs stay where the store is durable.
    ///
    /// # Errors
    /// What the backend says.
    fn shutdown(&self) -> Result<()> {
        Ok(())
    }

    /// The record with that id.
    ///
    /// # Errors
    /// What the backend says.
    fn lookup_job(&self, id: &str) -> Result<Option<JobRecord>>;

    /// A page of records: at most `limit`, behind `after`, by next run time (paused jobs last) and then by id.
    ///
    /// # Errors
    /// What the backend says.
    fn get_jobs(&self, after: Option<&Cursor>, limit: usize) -> Result<Vec<JobRecord>>;

    /// The earliest next run time that is later than `after`.
    ///
    /// # Errors
    /// What the backend says.
    fn next_run_time(&self, after: Option<Timestamp>) -> Result<Option<Timestamp>>;

    /// Adds all of the records or none.
    ///
    /// # Errors
    /// [`ErrorKind::ConflictingId`](crate::ErrorKind::ConflictingId) with the id, where a record exists and the new
    /// one does not say `replace`, or where one id stands twice in `records`.
    fn add_jobs(&self, records: Vec<NewRecord>) -> Result<()>;

    /// Writes next run time and state if the record still has `record.revision`.
    ///
    /// Returns `false` where it has another one: the caller reads again.
    ///
    /// # Errors
    /// [`ErrorKind::JobLookup`](crate::ErrorKind::JobLookup) where there is no such record.
    fn update_job(&self, record: &JobRecord) -> Result<bool>;

    /// Removes the record; `false` where there is none.
    ///
    /// # Errors
    /// What the backend says.
    fn remove_job(&self, id: &str) -> Result<bool>;

    /// Removes all records.
    ///
    /// # Errors
    /// What the backend says.
    fn remove_all_jobs(&self) -> Result<()>;

    /// Finds what is due, asks `decide` about each record in the order of run times, and writes the decisions back
    /// in a constant number of round trips.
    ///
    /// Atomic for each record: of any number of callers on any number of hosts, one wins each fire time. The claims
    /// come back in the order of the calls of `decide`, less those that another caller won.
    ///
    /// # Errors
    /// What the backend says. Then nothing of this batch is claimed, or it is not known whether it is, since the answer
    /// was lost: a later call finds that out and hands out what was won (see [`ClaimsInDoubt`]).
    fn claim_due(
        &self,
        due: &Due,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Claims>;

    /// Starts to tell `changed` of changes that others make to the store, until the [`Watch`] is dropped.
    ///
    /// # Errors
    /// What the backend says.
    fn watch(&self, changed: ChangeNotifier) -> Result<Option<Watch>> {
        let _ = changed;
        Ok(None)
    }
}
