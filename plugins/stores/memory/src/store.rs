//! The store.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::heap::SlotId;
use crate::ledger::MemoryLedger;
use crate::table::{self, Table};
use apscheduler_core::ledger::RunLedger;
use apscheduler_core::store::{
    Claim, ClaimOutcome, ClaimRequest, Claims, Cursor, Decision, JobPayload, JobRecord, JobStore,
    NewRecord, NextRun, StoreCapabilities,
};
use apscheduler_core::time::Timestamp;
use apscheduler_core::{Error, Result};

/// Keeps jobs in memory, without serializing them, so closures can be scheduled.
///
/// Adding a job and changing its next run time cost O(log n).
#[derive(Default)]
pub struct MemoryJobStore {
    table: Mutex<Table>,
    ledger: Arc<MemoryLedger>,
}

impl MemoryJobStore {
    /// Creates an empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // No foreign code runs under the lock, so no panic leaves the table half changed.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryJobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryJobStore").field("jobs", &self.table().len()).finish()
    }
}

impl JobStore for MemoryJobStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities::new()
    }

    fn shutdown(&self) -> Result<()> {
        self.ledger.clear_open();
        self.remove_all_jobs()
    }

    fn lookup_job(&self, id: &str) -> Result<Option<JobRecord>> {
        let table = self.table();
        Ok(table.find(id).map(|slot| table.record(slot)))
    }

    fn get_jobs(&self, after: Option<&Cursor>, limit: usize) -> Result<Vec<JobRecord>> {
        Ok(self.table().page(after, limit))
    }

    fn next_run_time(&self, after: Option<Timestamp>) -> Result<Option<Timestamp>> {
        Ok(self.table().next_run_time(after))
    }

    fn add_jobs(&self, records: Vec<NewRecord>) -> Result<()> {
        let mut unused = Vec::new();
        let added = add_all(&mut self.table(), records, &mut unused);
        drop(unused);
        added
    }

    fn update_job(&self, record: &JobRecord) -> Result<bool> {
        let before = {
            let mut table = self.table();
            let slot = table.find(&record.id).ok_or_else(|| Error::job_lookup(&*record.id))?;
            if table.revision(slot) != record.revision {
                return Ok(false);
            }
            table.update(slot, record.next_run_time, record.payload.clone())
        };
        drop(before);
        Ok(true)
    }

    fn remove_job(&self, id: &str) -> Result<bool> {
        let removed = {
            let mut table = self.table();
            table.find(id).map(|slot| table.remove(slot))
        };
        Ok(removed.is_some())
    }

    fn remove_all_jobs(&self) -> Result<()> {
        let removed = self.table().clear();
        drop(removed);
        Ok(())
    }

    fn ledger(&self) -> Option<Arc<dyn RunLedger>> {
        Some(Arc::clone(&self.ledger) as _)
    }

    fn claim_due(
        &self,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Claims> {
        let claims = self.claim(due, decide);
        // Without a batch, nothing is recorded.
        let won = claims.won.iter().map(|claim| (&claim.record, &claim.outcome));
        if let Some(journal) = due.journal(won) {
            self.ledger.claimed(journal);
        }
        Ok(claims)
    }
}

impl MemoryJobStore {
    fn claim(&self, due: &ClaimRequest, decide: &mut dyn FnMut(&JobRecord) -> Decision) -> Claims {
        let mut claims = Claims::default();
        let mut after = due.after.as_ref().map(table::place_of);
        let mut left = due.limit;
        let mut table = self.table();
        // As long as every record is claimed, the next one is on top of the heap.
        while left > 0
            && let Some(node) = table.first_due(due.now)
            && after.is_none_or(|after| node.key() > after)
        {
            left -= 1;
            if left == 0 {
                claims.resume = table::cursor(node);
            }
            let record = table.record(node.slot);
            // Triggers are foreign code: they are called without the lock, and the record may change meanwhile.
            drop(table);
            let decision = decide(&record);
            let Decision::Claim(outcome) = decision else {
                drop(record);
                after = Some(node.key());
                table = self.table();
                continue;
            };
            table = self.table();
            if !table.holds(node.slot, record.revision) {
                drop(table);
                drop(record);
                table = self.table();
                continue;
            }
            let still_due = matches!(outcome.next, NextRun::At(next) if next <= due.now);
            apply(&mut table, node.slot, &outcome);
            claims.won.push(Claim::new(record, outcome));
            if still_due {
                // Its other run times are for another batch.
                claims.resume = table::cursor(node);
                return claims;
            }
        }
        let nodes = match after {
            Some(_) if left > 0 => table.due(due.now, left, after),
            _ => return claims,
        };
        if nodes.len() == left {
            claims.resume = nodes.last().and_then(|node| table::cursor(*node));
        }
        let records: Vec<_> =
            nodes.iter().map(|node| (node.slot, table.record(node.slot))).collect();
        drop(table);
        let decide_one = |(slot, record)| {
            let decision = decide(&record);
            (slot, record, decision)
        };
        let decided: Vec<_> = records.into_iter().map(decide_one).collect();
        let mut left_alone = Vec::new();
        let mut table = self.table();
        for (slot, record, decision) in decided {
            match decision {
                Decision::Claim(outcome) if table.holds(slot, record.revision) => {
                    apply(&mut table, slot, &outcome);
                    claims.won.push(Claim::new(record, outcome));
                }
                _ => left_alone.push(record),
            }
        }
        drop(table);
        drop(left_alone);
        claims
    }
}

/// Adds all records or none. Moves payloads that the store does not keep into `unused`, because dropping them runs foreign
/// code, which must not happen under the lock.
fn add_all(
    table: &mut Table,
    records: Vec<NewRecord>,
    unused: &mut Vec<Option<JobPayload>>,
) -> Result<()> {
    table.reserve(records.len());
    // Replacements are written last: insertions can be undone, replacements can't.
    let mut replacements = Vec::new();
    let mut added = Vec::with_capacity(records.len());
    // Duplicate ids are refused; without replacements `find` finds them.
    let replaces = records.iter().any(|record| record.replace);
    let mut given = HashSet::new();
    let mut records = records.into_iter();
    while let Some(record) = records.next() {
        let is_twice = replaces && !given.insert(Arc::clone(&record.id));
        match table.find(&record.id) {
            None if !is_twice => {
                added.push(table.insert(record.id, record.next_run_time, record.payload));
            }
            Some(slot) if !is_twice && record.replace => replacements.push((slot, record)),
            _ => {
                unused.extend(added.into_iter().map(|slot| table.remove(slot)));
                let error = Error::conflicting_id(&*record.id);
                let replacements = replacements.into_iter().map(|(_, record)| record);
                let rest = replacements.chain([record]).chain(records);
                unused.extend(rest.map(|record| Some(record.payload)));
                return Err(error);
            }
        }
    }
    for (slot, record) in replacements {
        unused.push(table.update(slot, record.next_run_time, record.payload));
    }
    Ok(())
}

/// Writes a claim. The claim holds the payload too, so none is dropped here.
fn apply(table: &mut Table, slot: SlotId, outcome: &ClaimOutcome) {
    match outcome.next {
        NextRun::At(time) => table.advance(slot, Some(time)),
        NextRun::Finished => drop(table.remove(slot)),
    }
}
