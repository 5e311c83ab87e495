//! Read-only job stores.

use std::sync::Arc;

use apscheduler_core::ledger::RunLedger;
use apscheduler_core::store::{
    ClaimRequest, Claims, Cursor, Decision, JobRecord, JobStore, NewRecord, StoreCapabilities,
};
use apscheduler_core::time::Timestamp;
use apscheduler_core::{Error, ErrorKind, Result};

/// A store opened by [`JobStore::start_read_only`]. Refuses all changes to jobs.
#[derive(Debug)]
pub struct ReadOnlyJobStore(Arc<dyn JobStore>);

impl ReadOnlyJobStore {
    /// Wraps a store that has not been started.
    pub fn new(store: Arc<dyn JobStore>) -> Self {
        Self(store)
    }
}

fn refused<T>() -> Result<T> {
    Err(Error::new(ErrorKind::Unsupported, "the job store was opened read-only"))
}

impl JobStore for ReadOnlyJobStore {
    /// Returns the capabilities of the store, without a thread, a watch or signs of life, because
    /// nothing is claimed.
    fn capabilities(&self) -> StoreCapabilities {
        self.0.capabilities().blocking(false).watch(false).shared(false)
    }

    fn start(&self, alias: &str) -> Result<()> {
        self.0.start_read_only(alias)
    }

    fn start_read_only(&self, alias: &str) -> Result<()> {
        self.0.start_read_only(alias)
    }

    fn shutdown(&self) -> Result<()> {
        self.0.shutdown()
    }

    fn lookup_job(&self, id: &str) -> Result<Option<JobRecord>> {
        self.0.lookup_job(id)
    }

    fn get_jobs(&self, after: Option<&Cursor>, limit: usize) -> Result<Vec<JobRecord>> {
        self.0.get_jobs(after, limit)
    }

    fn next_run_time(&self, after: Option<Timestamp>) -> Result<Option<Timestamp>> {
        self.0.next_run_time(after)
    }

    fn add_jobs(&self, _records: Vec<NewRecord>) -> Result<()> {
        refused()
    }

    fn update_job(&self, _record: &JobRecord) -> Result<bool> {
        refused()
    }

    fn remove_job(&self, _id: &str) -> Result<bool> {
        refused()
    }

    fn remove_all_jobs(&self) -> Result<()> {
        refused()
    }

    fn ledger(&self) -> Option<Arc<dyn RunLedger>> {
        self.0.ledger()
    }

    fn claim_due(
        &self,
        _due: &ClaimRequest,
        _decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Claims> {
        refused()
    }
}
