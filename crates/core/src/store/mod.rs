//! Job stores keep jobs.

mod claim;
mod record;
mod watch;

use std::fmt;

pub use claim::{
    Claim, ClaimCursor, ClaimOutcome, ClaimRequest, Claims, Decision, NextRun, RunTimes, TieBreaker,
};
pub use record::{Cursor, JobPayload, JobRecord, NewRecord};
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
    /// Jobs are kept as text, so closures can't be. A store that says no is handed [`JobPayload::Live`].
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

    /// Connects for reading alone, in place of [`start`](Self::start): for commands that look at the jobs of others. Only
    /// [`lookup_job`](Self::lookup_job), [`get_jobs`](Self::get_jobs) and [`next_run_time`](Self::next_run_time) are
    /// called until [`shutdown`](Self::shutdown).
    ///
    /// A store that can connect without writing does: it needs no right to write, makes no schema, and migrates none. A
    /// newer schema and what another program keeps are refused as by `start`. Where no store was ever started there are no
    /// jobs: it logs a warning that says so and leaves the place as it is.
    ///
    /// The default calls [`start`](Self::start).
    ///
    /// # Errors
    /// As [`start`](Self::start).
    fn start_read_only(&self, alias: &str) -> Result<()> {
        self.start(alias)
    }

    /// Disconnects from the backend. Jobs stay where the store is durable.
    ///
    /// Calls that are under way in other threads end soon, with an error, whatever the backend does: a scheduler that is
    /// shut down without waiting calls this to cut them short.
    ///
    /// # Errors
    /// Any error from the backend.
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
    ///
    /// [`ErrorKind::StoreReplaced`](crate::ErrorKind::StoreReplaced), once, where the jobs are others than before because
    /// the place was emptied, restored or replaced while it was open (see [`Replacement`]). The scheduler tells its
    /// listeners, watches anew, and calls again at once.
    fn claim_due(
        &self,
        due: &ClaimRequest,
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
