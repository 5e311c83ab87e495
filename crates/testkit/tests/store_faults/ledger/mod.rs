//! A ledger in memory that has a journal, with a fault.

mod claims;
pub(crate) mod faults;
mod reading;
mod writing;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::ledger::{
    Appended, Journal, OpenQuery, OpenRun, OpenState, OwnerRecord, OwnerState, Retention,
    RunLedger, RunQuery, RunRecord, RunState, Writes,
};
use apscheduler_core::run::{Owner, OwnerId, RunId};
use apscheduler_core::time::{Clock as _, SystemClock, Timestamp};

use crate::harness::Shared;
use faults::LedgerFault as Fault;

/// What the ledger keeps.
#[derive(Debug, Default)]
pub(crate) struct Book {
    records: Vec<RunRecord>,
    journal: Vec<Journal>,
    owners: Vec<OwnerRecord>,
    open: BTreeMap<RunId, OpenRun>,
}

impl Book {
    fn is_dead(&self, owner: OwnerId) -> bool {
        let mut owners = self.owners.iter();
        owners.any(|record| record.owner.id == owner && record.state == OwnerState::Dead)
    }

    fn has_journal(&self, owner: OwnerId) -> bool {
        self.journal.iter().any(|journal| journal.batch.owner == owner)
    }

    fn has_open(&self, owner: OwnerId) -> bool {
        self.open.values().any(|run| run.owner == owner && run.state == OpenState::Claimed)
    }
}

/// Keeps its records in what the handles of a store share.
#[derive(Debug)]
pub(crate) struct FaultyLedger {
    fault: Option<Fault>,
    shared: Arc<Shared>,
}

impl FaultyLedger {
    pub(crate) fn new(fault: Option<Fault>, shared: Arc<Shared>) -> Self {
        Self { fault, shared }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.shared.book.lock().unwrap()
    }
}

impl RunLedger for FaultyLedger {
    fn append(&self, owner: OwnerId, writes: &Writes<'_>) -> Result<Appended> {
        let mut book = self.book();
        if book.is_dead(owner) && !self.has(Fault::TheDeadMayWrite) {
            writes.records.iter().for_each(|record| self.note_late(&mut book, record));
            if self.has(Fault::TheDeadMayClose) {
                self.close(&mut book, writes.closed);
            }
            return Ok(Appended::Fenced);
        }
        let dropped = usize::from(self.has(Fault::ARecordIsDropped));
        for record in writes.records.iter().skip(dropped) {
            self.write_record(&mut book, record);
        }
        self.close(&mut book, writes.closed);
        let mut steps: Vec<_> = writes.steps.iter().collect();
        if self.has(Fault::StepsOutOfOrder) {
            // By kind: those that add a row, then those that end one, then those that change one.
            steps.sort_by_key(|step| (step.from.is_some(), step.to.is_some()));
        }
        let is_forgotten = self.has(Fault::RecordsMakeStepsForgotten) && !writes.records.is_empty();
        for step in steps.into_iter().filter(|_| !is_forgotten) {
            self.carry_out(&mut book, step);
        }
        Ok(Appended::Written)
    }

    fn runs(&self, query: &RunQuery) -> Result<Vec<RunRecord>> {
        let (query, book) = (self.heeded(query), self.book());
        let has_record = |run: &RunRecord| {
            book.records.iter().any(|record| record.run_id == run.run_id)
                && !self.has(Fault::RecordedRunsStayOpen)
        };
        let open = book.journal.iter().flat_map(|journal| journal.records(RunState::Claimed));
        let open = open.filter(|run| !has_record(run) && !self.has(Fault::RunsForgetOpenOnes));
        let mut found: Vec<RunRecord> = book.records.iter().cloned().chain(open).collect();
        found.retain(|run| query.matches(&run.job_id, run.run_id, run.state));
        found.sort_by_key(|run| Reverse((run.run_id, run.attempt)));
        if self.has(Fault::RunsOldestFirst) {
            found.reverse();
        }
        found.truncate(query.limit);
        Ok(found)
    }

    fn journal(&self, owner: OwnerId, limit: usize) -> Result<Vec<Journal>> {
        let book = self.book();
        let is_wanted = |journal: &&Journal| {
            journal.batch.owner == owner || self.has(Fault::JournalIgnoresTheOwner)
        };
        let mut found: Vec<Journal> = book.journal.iter().filter(is_wanted).cloned().collect();
        found.sort_by_key(|journal| journal.batch.id);
        if self.has(Fault::JournalNewestFirst) {
            found.reverse();
        }
        if !self.has(Fault::JournalIgnoresTheLimit) {
            found.truncate(limit);
        }
        Ok(found)
    }

    fn has_open_runs(&self) -> bool {
        true
    }

    fn open_runs(&self, query: &OpenQuery) -> Result<Vec<OpenRun>> {
        let (query, book) = (self.heeded_open(query), self.book());
        let mut found: Vec<OpenRun> =
            book.open.values().filter(|run| query.matches(run)).cloned().collect();
        if self.has(Fault::OpenRunsLatestFirst) {
            found.reverse();
        }
        found.truncate(query.limit);
        Ok(found)
    }

    fn claim_open(&self, owner: OwnerId, now: Timestamp, limit: usize) -> Result<Vec<OpenRun>> {
        if self.book().is_dead(owner) && !self.has(Fault::TheDeadMayClaim) {
            return Ok(Vec::new());
        }
        let due = self.due(now, limit);
        if self.has(Fault::ClaimsOpenWithoutALock) {
            std::thread::sleep(Duration::from_micros(200));
        }
        let mut book = self.book();
        let mut claimed = Vec::new();
        for run in due {
            let is_unchanged = book.open.get(&run.run_id) == Some(&run);
            if is_unchanged || self.has(Fault::ClaimsOpenWithoutALock) {
                let run = run.claimed_by(owner);
                if !self.has(Fault::ClaimsOpenChangeNothing) {
                    book.open.insert(run.run_id, run.clone());
                }
                claimed.push(run);
            }
        }
        Ok(claimed)
    }

    fn next_open(&self) -> Result<Option<Timestamp>> {
        let book = self.book();
        let due = book.open.values().filter_map(|run| run.due);
        Ok(match self.fault {
            Some(Fault::NextOpenIsUnknown) => None,
            Some(Fault::NextOpenIsTheLast) => due.max(),
            _ => due.min(),
        })
    }

    fn heartbeat(&self, owner: &Owner, lease: Duration) -> Result<OwnerState> {
        let (mut book, now) = (self.book(), SystemClock.now());
        let known = book.owners.iter_mut().find(|record| record.owner.id == owner.id);
        let Some(known) = known else {
            book.owners.push(OwnerRecord::new(owner.clone(), OwnerState::Alive, now, lease));
            return Ok(OwnerState::Alive);
        };
        if self.has(Fault::HeartbeatsRevive) {
            known.state = OwnerState::Alive;
        }
        if known.state == OwnerState::Alive {
            known.heartbeat = now;
            if !self.has(Fault::TheFirstLeaseStays) {
                known.lease = lease;
            }
        }
        Ok(known.state)
    }

    fn end(&self, owner: OwnerId) -> Result<()> {
        let mut book = self.book();
        let ends = |state| state == OwnerState::Alive || self.has(Fault::TheDeadMayEnd);
        if let Some(known) = book.owners.iter_mut().find(|record| record.owner.id == owner)
            && ends(known.state)
        {
            known.state = OwnerState::Ended;
        }
        Ok(())
    }

    fn owners(&self) -> Result<Vec<OwnerRecord>> {
        let book = self.book();
        let is_listed = |record: &&OwnerRecord| {
            let owner = record.owner.id;
            let has_journal = book.has_journal(owner) && !self.has(Fault::OwnersForgetTheJournal);
            let has_open = book.has_open(owner) && !self.has(Fault::OwnersForgetOpenRuns);
            record.state == OwnerState::Alive || has_journal || has_open
        };
        Ok(book.owners.iter().filter(is_listed).cloned().collect())
    }

    fn condemn(&self, owner: OwnerId, heartbeat: Timestamp) -> Result<bool> {
        let mut book = self.book();
        let is_silent =
            |seen: Timestamp| seen == heartbeat || self.has(Fault::CondemnIgnoresSignsOfLife);
        let known = book.owners.iter_mut().find(|record| {
            record.owner.id == owner
                && record.state == OwnerState::Alive
                && is_silent(record.heartbeat)
        });
        Ok(known.map(|known| known.state = OwnerState::Dead).is_some())
    }

    fn prune(&self, now: Timestamp, retention: &Retention, limit: usize) -> Result<usize> {
        let mut book = self.book();
        let not_kept = book.records.iter().filter(|old| !self.is_kept(&book, old, now, retention));
        let mut old: Vec<_> = not_kept.map(|old| (old.run_id, old.attempt)).collect();
        old.sort_unstable();
        if self.has(Fault::PruneTakesTheLatest) {
            old.reverse();
        }
        if !self.has(Fault::PruneIgnoresTheLimit) {
            old.truncate(limit);
        }
        book.records.retain(|record| !old.contains(&(record.run_id, record.attempt)));
        let before = retention.owners_before(now);
        let is_busy = |owner| {
            let is_busy = book.has_journal(owner) || book.has_open(owner);
            is_busy && !self.has(Fault::PruneRemovesBusyOwners)
        };
        let is_old =
            |record: &OwnerRecord| record.state != OwnerState::Alive && record.heartbeat < before;
        let left = book.owners.iter().filter(|record| {
            !is_old(record) || is_busy(record.owner.id) || self.has(Fault::PruneKeepsOwners)
        });
        book.owners = left.cloned().collect();
        Ok(old.len())
    }
}
