//! The ledger of the store: the latest records.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use apscheduler_core::Result;
use apscheduler_core::ledger::{Appended, BatchId, RunLedger, RunQuery, RunRecord};
use apscheduler_core::run::{OwnerId, RunId};

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
    fn append(
        &self,
        _owner: OwnerId,
        records: &[RunRecord],
        _closed: &[BatchId],
    ) -> Result<Appended> {
        let mut ring = self.ring();
        for record in records {
            ring.push(record);
        }
        Ok(Appended::Written)
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
}
