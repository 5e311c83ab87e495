//! A store in memory that several schedulers share.

use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::ledger::RunLedger;
use apscheduler_core::store::{
    ClaimRequest, Claims, Cursor, Decision, JobRecord, JobStore, NewRecord, StoreCapabilities,
};
use apscheduler_core::time::Timestamp;
use apscheduler_store_memory::MemoryJobStore;

/// A store in memory that several schedulers share, with its ledger. Clones are the same store.
#[derive(Clone, Debug, Default)]
pub(crate) struct CommonStore(Arc<MemoryJobStore>);

impl JobStore for CommonStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities::new().shared(true)
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

    fn add_jobs(&self, records: Vec<NewRecord>) -> Result<()> {
        self.0.add_jobs(records)
    }

    fn update_job(&self, record: &JobRecord) -> Result<bool> {
        self.0.update_job(record)
    }

    fn remove_job(&self, id: &str) -> Result<bool> {
        self.0.remove_job(id)
    }

    fn remove_all_jobs(&self) -> Result<()> {
        self.0.remove_all_jobs()
    }

    fn claim_due(
        &self,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Claims> {
        self.0.claim_due(due, decide)
    }

    fn ledger(&self) -> Option<Arc<dyn RunLedger>> {
        self.0.ledger()
    }
}
