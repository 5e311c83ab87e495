//! A memory store that simulates a remote one: it serializes, fails, and hangs.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use apscheduler_core::store::{
    ChangeNotifier, ClaimRequest, Claims, Cursor, Decision, JobRecord, JobStore, NewRecord,
    StoreCapabilities, Watch,
};
use apscheduler_core::time::Timestamp;
use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_plugin_kit::store::ClaimsInDoubt;
use apscheduler_store_memory::MemoryJobStore;

use crate::patience::eventually;

/// A memory store that simulates a remote one: it serializes jobs, and fails or hangs on demand.
/// Clones are the same store.
#[derive(Clone, Debug, Default)]
pub struct TestStore(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    memory: MemoryJobStore,
    blocking: bool,
    keeps_objects: bool,
    claim_calls: AtomicUsize,
    examined: AtomicUsize,
    fails: AtomicBool,
    loses_answers: AtomicBool,
    in_doubt: ClaimsInDoubt<()>,
    hangs: Mutex<bool>,
    hanging: AtomicUsize,
    released: Condvar,
}

impl TestStore {
    /// Returns a store that declares that it does I/O.
    pub fn blocking() -> Self {
        Self(Arc::new(Inner { blocking: true, ..Inner::default() }))
    }

    /// Returns a store that declares that it does I/O and keeps job objects: closures, and triggers
    /// that no registry builds.
    pub fn blocking_with_objects() -> Self {
        Self(Arc::new(Inner { blocking: true, keeps_objects: true, ..Inner::default() }))
    }

    /// Returns the number of claims and the number of records examined for them since the last
    /// call.
    pub fn take_counts(&self) -> (usize, usize) {
        let take = |count: &AtomicUsize| count.swap(0, Ordering::SeqCst);
        (take(&self.0.claim_calls), take(&self.0.examined))
    }

    /// Makes every call fail, or work again.
    pub fn fail(&self, fails: bool) {
        self.0.fails.store(fails, Ordering::SeqCst);
    }

    /// Carries out the next claim and loses its response; afterwards every call fails.
    pub fn lose_next_response(&self) {
        self.0.loses_answers.store(true, Ordering::SeqCst);
    }

    /// Makes every call hang, or work again.
    pub fn hang(&self, hangs: bool) {
        *self.0.hangs.lock().unwrap_or_else(PoisonError::into_inner) = hangs;
        self.0.released.notify_all();
    }

    /// Waits until a call hangs.
    ///
    /// # Panics
    /// If none does in time.
    pub fn wait_until_hanging(&self) {
        eventually("a call hangs", || self.0.hanging.load(Ordering::SeqCst) > 0);
    }

    fn memory(&self) -> Result<&MemoryJobStore> {
        self.hang_along();
        if self.0.fails.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Unavailable, "the server is unavailable"));
        }
        Ok(&self.0.memory)
    }

    fn hang_along(&self) {
        let mut hangs = self.0.hangs.lock().unwrap_or_else(PoisonError::into_inner);
        if *hangs {
            self.0.hanging.fetch_add(1, Ordering::SeqCst);
            while *hangs {
                hangs = self.0.released.wait(hangs).unwrap_or_else(PoisonError::into_inner);
            }
            self.0.hanging.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

struct HangingEnd(TestStore);

impl Drop for HangingEnd {
    fn drop(&mut self) {
        self.0.hang_along();
    }
}

impl JobStore for TestStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities::new()
            .serializes(!self.0.keeps_objects)
            .blocking(self.0.blocking)
            .watch(self.0.blocking)
    }

    fn start(&self, _alias: &str) -> Result<()> {
        self.memory().map(drop)
    }

    /// Also hangs, but never fails.
    fn shutdown(&self) -> Result<()> {
        self.hang_along();
        Ok(())
    }

    /// Reports no changes, but dropping the watch may hang too.
    fn watch(&self, _changed: ChangeNotifier) -> Result<Option<Watch>> {
        Ok(Some(Watch::new(HangingEnd(self.clone()))))
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
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Claims> {
        let (memory, Inner { in_doubt, .. }) = (self.memory()?, &*self.0);
        self.0.claim_calls.fetch_add(1, Ordering::SeqCst);
        let decide = &mut |record: &JobRecord| {
            self.0.examined.fetch_add(1, Ordering::SeqCst);
            decide(record)
        };
        let find_out = |(): &(), claims: &[_]| Ok(Some(vec![true; claims.len()]));
        if let Some(claims) = in_doubt.settle(due, find_out, decide)? {
            return Ok(claims);
        }
        let claims = memory.claim_due(due, decide)?;
        if self.0.loses_answers.swap(false, Ordering::SeqCst) {
            in_doubt.keep((), claims.won);
            self.fail(true);
            return Err(Error::new(ErrorKind::Unavailable, "the connection broke"));
        }
        Ok(claims)
    }
}
