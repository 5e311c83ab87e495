//! What a claim writes into the ledger, and claims of open runs.

use apscheduler_core::ledger::{Journal, OpenRun, OpenState};
use apscheduler_core::store::{ClaimRequest, Claims, NextRun};
use apscheduler_core::time::Timestamp;

use super::FaultyLedger;
use super::faults::LedgerFault as Fault;

impl FaultyLedger {
    /// Writes the journal of a claim, and its open runs.
    pub(crate) fn note_claims(&self, due: &ClaimRequest, claims: &Claims) {
        let mut outcomes: Vec<_> = claims.won.iter().map(|claim| claim.outcome.clone()).collect();
        if self.has(Fault::JournalHasEveryClaim) {
            for outcome in &mut outcomes {
                outcome.batch = due.batch.map(|batch| batch.id);
            }
        }
        let won = claims.won.iter().map(|claim| &claim.record).zip(&outcomes);
        let journal = due.journal(won);
        let mut book = self.book();
        let Some(mut journal) = journal else {
            if let Some(batch) = due.batch.filter(|_| self.has(Fault::JournalHasEmptyBatches)) {
                book.journal.push(Journal::new(batch, Vec::new()));
            }
            return;
        };
        let mut open = std::mem::take(&mut journal.open);
        if self.has(Fault::OpenRunsEndWithTheirJob) {
            let finished =
                claims.won.iter().filter(|claim| claim.outcome.next == NextRun::Finished);
            open.retain(|run| !finished.clone().any(|claim| claim.record.id == run.job_id));
        }
        if self.has(Fault::JournalForgetsSkipped) {
            journal.entries.iter_mut().for_each(|entry| entry.skipped = None);
        }
        if !self.has(Fault::ClaimsWriteNoOpenRuns) {
            book.open.extend(open.into_iter().map(|run| (run.run_id, run)));
        }
        if !self.has(Fault::ClaimsWriteNoJournal) {
            book.journal.push(journal);
        }
    }

    /// Forgets what must outlive a job, if that is the fault.
    pub(crate) fn job_is_removed(&self, id: &str) {
        if self.has(Fault::JournalEndsWithTheJob) {
            for journal in &mut self.book().journal {
                journal.entries.retain(|entry| &*entry.job_id != id);
            }
        }
    }

    pub(super) fn due(&self, now: Timestamp, limit: usize) -> Vec<OpenRun> {
        let is_due = |run: &&OpenRun| match run.due {
            Some(due) => due <= now || self.has(Fault::ClaimsOpenIgnoreTheTime),
            None => self.has(Fault::ClaimsOpenTakeThoseWithoutATime),
        };
        let book = self.book();
        let waiting = book.open.values().filter(|run| run.state == OpenState::Waiting);
        let mut due: Vec<OpenRun> = waiting.filter(is_due).cloned().collect();
        if !self.has(Fault::ClaimsOpenTakeTheFirstIdentifiers) {
            due.sort_by_key(|run| run.due);
        }
        if !self.has(Fault::ClaimsOpenIgnoreTheLimit) {
            due.truncate(limit);
        }
        due
    }
}
