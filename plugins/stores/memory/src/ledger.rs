//! The ledger of the store: the latest records, and the open runs.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use apscheduler_core::Result;
use apscheduler_core::ledger::{
    Appended, BatchId, Journal, OpenQuery, OpenRun, OpenState, OpenStep, RunLedger, RunQuery,
    RunRecord, RunState, Writes,
};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::time::Timestamp;
use hashbrown::HashSet;

/// How many records are kept.
const CAPACITY: usize = 10_000;

/// Keeps the latest records. Its journal only tells which runs are open: all of them end with the process.
#[derive(Debug, Default)]
pub(crate) struct MemoryLedger(Mutex<Ring>);

#[derive(Debug, Default)]
struct Ring {
    records: VecDeque<RunRecord>,
    known: HashSet<(RunId, u32)>,
    open: BTreeMap<RunId, OpenRun>,
    /// What was claimed and is not closed.
    journals: BTreeMap<BatchId, Journal>,
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

    fn carry_out(&mut self, step: &OpenStep) {
        if self.open.get(&step.run_id).map(OpenRun::mark) != step.from {
            return;
        }
        match &step.to {
            Some(run) => self.open.insert(step.run_id, run.clone()),
            None => self.open.remove(&step.run_id),
        };
    }
}

impl MemoryLedger {
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what was claimed.
    pub(crate) fn claimed(&self, mut journal: Journal) {
        let open = std::mem::take(&mut journal.open);
        let mut ring = self.ring();
        ring.open.extend(open.into_iter().map(|run| (run.run_id, run)));
        ring.journals.insert(journal.batch.id, journal);
    }

    /// Removes the open runs: without their jobs they can't run.
    pub(crate) fn clear_open(&self) {
        let mut ring = self.ring();
        ring.open.clear();
        let journals = std::mem::take(&mut ring.journals);
        drop(ring);
        drop(journals);
    }
}

impl RunLedger for MemoryLedger {
    fn append(&self, _owner: OwnerId, writes: &Writes<'_>) -> Result<Appended> {
        let mut ring = self.ring();
        for record in writes.records {
            ring.push(record);
        }
        for step in writes.steps {
            ring.carry_out(step);
        }
        for batch in writes.closed {
            ring.journals.remove(batch);
        }
        Ok(Appended::Written)
    }

    fn has_open_runs(&self) -> bool {
        true
    }

    fn open_runs(&self, query: &OpenQuery) -> Result<Vec<OpenRun>> {
        let ring = self.ring();
        let wanted = ring.open.values().filter(|run| query.matches(run));
        Ok(wanted.take(query.limit).cloned().collect())
    }

    fn claim_open(&self, owner: OwnerId, now: Timestamp, limit: usize) -> Result<Vec<OpenRun>> {
        let mut ring = self.ring();
        let mut due: Vec<&mut OpenRun> = (ring.open.values_mut())
            .filter(|run| run.state == OpenState::Waiting && run.due.is_some_and(|due| due <= now))
            .collect();
        due.sort_by_key(|run| run.due);
        let claimed = due.into_iter().take(limit).map(|run| {
            *run = run.clone().claimed_by(owner);
            run.clone()
        });
        Ok(claimed.collect())
    }

    fn next_open(&self) -> Result<Option<Timestamp>> {
        let ring = self.ring();
        let waiting = ring.open.values().filter(|run| run.state == OpenState::Waiting);
        Ok(waiting.filter_map(|run| run.due).min())
    }

    fn runs(&self, query: &RunQuery) -> Result<Vec<RunRecord>> {
        let ring = self.ring();
        let wanted =
            |record: &&RunRecord| query.matches(&record.job_id, record.run_id, record.state);
        let open = ring.journals.values().flat_map(|journal| journal.records(RunState::Claimed));
        let open: Vec<RunRecord> =
            open.filter(|run| !ring.known.contains(&(run.run_id, 1)) && wanted(&run)).collect();
        let mut found: Vec<&RunRecord> = ring.records.iter().filter(wanted).collect();
        found.extend(&open);
        // Runs end in another order than they were claimed.
        found.sort_unstable_by_key(|record| std::cmp::Reverse((record.run_id, record.attempt)));
        Ok(found.into_iter().take(query.limit).cloned().collect())
    }
}
