//! Writes records, closes batches, carries out steps.

use std::sync::Arc;

use apscheduler_core::ledger::{OpenMark, OpenRun, OpenStep, RunRecord, RunState};
use apscheduler_core::run::RunId;

use super::faults::LedgerFault as Fault;
use super::{Book, FaultyLedger};

impl FaultyLedger {
    pub(super) fn write_record(&self, book: &mut Book, record: &RunRecord) {
        let known = book.records.iter_mut().find(|known| {
            known.run_id == record.run_id
                && (known.attempt == record.attempt || self.has(Fault::AttemptsAreOneRun))
        });
        match known {
            Some(known) if self.has(Fault::LastOutcomeCounts) => *known = record.clone(),
            Some(_) => {}
            None => book.records.push(record.clone()),
        }
    }

    pub(super) fn note_late(&self, book: &mut Book, record: &RunRecord) {
        let lost = book.records.iter_mut().find(|known| {
            (known.run_id, known.attempt) == (record.run_id, record.attempt)
                && known.state == RunState::Lost
        });
        if let Some(lost) = lost
            && !self.has(Fault::LateOutcomesAreNotNoted)
        {
            lost.late = lost.late.or(Some(record.state));
        }
    }

    pub(super) fn close(&self, book: &mut Book, closed: &[RunId]) {
        if self.has(Fault::ClosedBatchesStay) || closed.is_empty() {
            return;
        }
        let closes_all = self.has(Fault::EveryBatchIsClosed);
        book.journal.retain(|journal| !closes_all && !closed.contains(&journal.batch.id));
    }

    fn is_expected(&self, row: Option<OpenMark>, from: Option<OpenMark>) -> bool {
        match (row, from) {
            (Some(_), None) => self.has(Fault::AddReplaces),
            (None, Some(_)) => self.has(Fault::ChangeAdds),
            (None, None) => true,
            (Some(row), Some(from)) => {
                (row.attempt == from.attempt || self.has(Fault::StepsIgnoreTheAttempt))
                    && (row.state == from.state || self.has(Fault::StepsIgnoreTheState))
                    && (row.owner == from.owner || self.has(Fault::StepsIgnoreTheOwner))
            }
        }
    }

    pub(super) fn carry_out(&self, book: &mut Book, step: &OpenStep) {
        let row = book.open.get(&step.run_id);
        if !self.is_expected(row.map(OpenRun::mark), step.from) {
            return;
        }
        match (&step.to, row) {
            (Some(run), Some(row)) if self.has(Fault::ChangesKeepTheData) => {
                let mut run = run.clone();
                run.data = Arc::clone(&row.data);
                book.open.insert(step.run_id, run)
            }
            (Some(run), Some(row)) if self.has(Fault::ChangesKeepTheRequest) => {
                let run = run.clone().cancel(row.cancel);
                book.open.insert(step.run_id, run)
            }
            (Some(run), _) => book.open.insert(step.run_id, run.clone()),
            (None, _) => book.open.remove(&step.run_id),
        };
    }
}
