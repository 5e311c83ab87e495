//! What is written into a ledger in one transaction for each owner.

use apscheduler_core::Result;
use apscheduler_core::ledger::{BatchId, OpenQuery, OpenState, OpenStep, RunLedger, RunRecord};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::time::Timestamp;

use super::attempts::cancelled;
use super::chain::release;
use super::open_data::OpenData;
use super::unwritten::StepKey;

/// What is written into a ledger in one transaction for each owner.
#[derive(Default)]
pub(super) struct Group {
    pub(super) records: Vec<RunRecord>,
    pub(super) steps: Vec<(OwnerId, OpenStep)>,
    pub(super) closed: Vec<(OwnerId, BatchId)>,
    /// Runs that others wait for have ended: those may begin.
    pub(super) releases: Vec<(OwnerId, RunId)>,
    /// The steps as they were given: they may change before they are written.
    pub(super) unwritten: Vec<StepKey>,
    /// Whether what the steps depend on has been read.
    is_complete: bool,
}

impl Group {
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.steps.is_empty() && self.closed.is_empty()
    }

    /// Reads what the steps depend on, unless that was done before.
    ///
    /// # Errors
    /// Any error from the ledger.
    pub(super) fn complete(&mut self, ledger: &dyn RunLedger, now: Timestamp) -> Result<()> {
        if !self.is_complete {
            self.end_cancelled(ledger, now)?;
            while let Some((owner, run)) = self.releases.last().copied() {
                let steps = release(ledger, run, owner, now)?;
                self.steps.extend(steps.into_iter().map(|step| (owner, step)));
                self.releases.pop();
            }
            self.is_complete = true;
        }
        Ok(())
    }

    /// Ends the runs that would wait for another attempt, although somebody has asked to cancel them.
    fn end_cancelled(&mut self, ledger: &dyn RunLedger, now: Timestamp) -> Result<()> {
        for (owner, step) in &mut self.steps {
            let (Some(from), Some(to)) = (step.from, &step.to) else { continue };
            if (from.state, to.state) != (OpenState::Claimed, OpenState::Waiting) {
                continue;
            }
            let row = ledger.open_runs(&OpenQuery::new().run(step.run_id))?.pop();
            let Some(row) = row.filter(|row| row.cancel && row.mark() == from) else { continue };
            let has_record =
                |record: &RunRecord| (record.run_id, record.attempt) == (row.run_id, row.attempt);
            if !self.records.iter().any(has_record) {
                self.records.push(cancelled(&row, *owner, now));
            }
            if let Some(next) = OpenData::read(&row.data).next {
                self.releases.push((*owner, next));
            }
            *step = OpenStep::end(step.run_id, from);
        }
        Ok(())
    }

    /// Returns the owners, in the order in which runs of theirs ended. Nearly always one: the owner changes only if others
    /// have found it dead.
    pub(super) fn owners(&self) -> Vec<OwnerId> {
        let mut owners: Vec<OwnerId> = Vec::new();
        let all = self.records.iter().map(|record| record.owner);
        let all = all.chain(self.steps.iter().map(|(owner, _)| *owner));
        for owner in all.chain(self.closed.iter().map(|(owner, _)| *owner)) {
            if !owners.contains(&owner) {
                owners.push(owner);
            }
        }
        owners
    }
}
