//! The ledger of the store: the latest records.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use apscheduler_core::Result;
use apscheduler_core::ledger::{BatchId, Journal, Retention, RunLedger, RunQuery, RunRecord};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::time::Timestamp;

/// How many records are kept.
const CAPACITY: usize = 10_000;

/// Keeps the latest records. It needs no journal, because the runs end with the process.
#[derive(Debug, Default)]
pub(crate) struct MemoryLedger(Mutex<Ring>);

#[derive(Debug, Default)]
struct Ring {
    records: VecDeque<RunRecord>,
    known: HashSet<(RunId, u32)>,
}

impl Ring {
    fn push(&mut self, record: &RunRecord) {
        if !self.known.insert((record.run_id, record.attempt)) {
            return;
        }
        if self.records.len() == CAPACITY
            && let Some(oldest) = self.records.pop_front()
        {
            self.known.remove(&(oldest.run_id, oldest.attempt));
        }
        self.records.push_back(record.clone());
    }
}

impl MemoryLedger {
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RunLedger for MemoryLedger {
    fn append(&self, records: &[RunRecord], _closed: &[BatchId]) -> Result<()> {
        let mut ring = self.ring();
        for record in records {
            ring.push(record);
        }
        Ok(())
    }

    fn runs(&self, query: &RunQuery) -> Result<Vec<RunRecord>> {
        let ring = self.ring();
        let wanted =
            |record: &&RunRecord| query.matches(&record.job_id, record.run_id, record.state);
        let mut found: Vec<&RunRecord> = ring.records.iter().filter(wanted).collect();
        // Runs end in another order than they were claimed.
        found.sort_unstable_by_key(|record| std::cmp::Reverse((record.run_id, record.attempt)));
        Ok(found.into_iter().take(query.limit).cloned().collect())
    }

    fn journal(&self, _owner: OwnerId, _limit: usize) -> Result<Vec<Journal>> {
        Ok(Vec::new())
    }

    fn prune(&self, _now: Timestamp, _retention: &Retention, _limit: usize) -> Result<usize> {
        // The ring bounds itself.
        Ok(0)
    }
}
