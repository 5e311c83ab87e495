//! A memory store that behaves like one behind a network: it keeps text, fails, and hangs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use apscheduler_core::store::{
    Claims, Cursor, Decision, Due, JobRecord, JobStore, MemoryJobStore, NewRecord,
    StoreCapabilities,
};
use apscheduler_core::time::Timestamp;
use apscheduler_core::{Error, ErrorKind, Result};

#[derive(Clone, Debug, Default)]
pub(crate) struct TestStore(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    memory: MemoryJobStore,
    blocking: bool,
    fails: AtomicBool,
    hangs: Mutex<bool>,
    released: Condvar,
}

impl TestStore {
    pub(crate) fn blocking() -> Self {
        Self(Arc::new(Inner { blocking: true, ..Inner::default() }))
    }

    pub(crate) fn fail(&self, fails: bool) {
        self.0.fails.store(fails, Ordering::SeqCst);
    }

    pub(crate) fn hang(&self, hangs: bool) {
        *self.0.hangs.lock().unwrap() = hangs;
        self.0.released.notify_all();
    }

    fn memory(&self) -> Result<&MemoryJobStore> {
        let mut hangs = self.0.hangs.lock().unwrap();
        while *hangs {
            hangs = self.0.released.wait(hangs).unwrap();
        }
        if self.0.fails.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Unavailable, "the server is away"));
        }
        Ok(&self.0.memory)
    }
}

impl JobStore for TestStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities {
            serializes: true,
            blocking: self.0.blocking,
            ..StoreCapabilities::default()
        }
    }

    fn lookup_job(&self, id: &str) -> Result<Option<JobRecord>> {
        self.memory()?.lookup_job(id)
    }

    fn get_jobs(&self, after: Option<&Cursor>, limit: usize) -> Result<Vec<JobRecord>> {
        self.memory()?.get_jobs(after, limit)
    }

    fn next_run_time(&self, after: Option<Timestamp>) -> Result<Option<Timestamp>> {
        self.memory()?.next_run_time(after)
    }

    fn add_jobs(&self, records: Vec<NewRecord>) -> Result<()> {
        self.memory()?.add_jobs(records)
    }

    fn update_job(&self, record: &JobRecord) -> Result<bool> {
        self.memory()?.update_job(record)
    }

    fn remove_job(&self, id: &str) -> Result<bool> {
        self.memory()?.remove_job(id)
    }

    fn remove_all_jobs(&self) -> Result<()> {
        self.memory()?.remove_all_jobs()
    }

    fn claim_due(
        &self,
        due: &Due,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Claims> {
        self.memory()?.claim_due(due, decide)
    }
}
