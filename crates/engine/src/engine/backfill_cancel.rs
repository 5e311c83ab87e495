//! Cancels what has not begun of a backfill.

use apscheduler_core::ledger::{OpenRun, OpenStep, RunLedger, RunRecord, Writes};
use apscheduler_core::run::RunId;
use apscheduler_core::time::Timestamp;
use apscheduler_core::{ErrorKind, Result};

use super::asking::append;
use super::attempts::cancelled;
use super::chain::{PIECE, is_held, is_remnant, waiting_rows};
use super::scheduler::Scheduler;
use super::store_runner::StoreRunner;
use super::storing::ledger_of_open_runs;

impl Scheduler {
    /// Cancels the runs of a backfill that have not begun, in all stores, and returns how many they were. Those that have
    /// begun continue; [`cancel_run`](Self::cancel_run) cancels one.
    ///
    /// # Errors
    /// [`ErrorKind::NotRunning`] if the scheduler has not been started; any error from a store. What has been cancelled stays
    /// so.
    pub fn cancel_backfill(&self, backfill: RunId) -> Result<usize> {
        self.refuse_before_start()?;
        let mut count = 0;
        for runner in self.0.stores().values() {
            let Ok(ledger) = ledger_of_open_runs(runner) else { continue };
            count += cancel_in(runner, &*ledger, backfill, self.0.now())?;
            // A run that waits to be claimed would begin. All that follow it are gone.
            for row in waiting_rows(&*ledger, backfill, |row| row.due.is_some())? {
                match self.cancel_run(row.run_id) {
                    Ok(_) => count += 1,
                    // It has begun and ended meanwhile.
                    Err(error) if error.kind() == ErrorKind::RunState => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(count)
    }
}

/// Ends the runs of a backfill that are held. Returns how many of them had not been cancelled before.
fn cancel_in(
    runner: &StoreRunner,
    ledger: &dyn RunLedger,
    backfill: RunId,
    now: Timestamp,
) -> Result<usize> {
    let me = runner.owner().id;
    let mut count = 0;
    // A run that ends finds none that follows it from then on.
    for piece in waiting_rows(ledger, backfill, is_held)?.chunks(PIECE) {
        let steps: Vec<OpenStep> =
            piece.iter().map(|row| OpenStep::end(row.run_id, row.mark())).collect();
        append(runner, ledger, &Writes::new().steps(&steps))?;
        // One that was released meanwhile still has its row.
        let left = waiting_rows(ledger, backfill, |_| true)?;
        let is_gone = |row: &&OpenRun| left.iter().all(|other| other.run_id != row.run_id);
        let ended = piece.iter().filter(|row| !is_remnant(row)).filter(is_gone);
        let records: Vec<RunRecord> = ended.map(|row| cancelled(row, me, now)).collect();
        append(runner, ledger, &Writes::new().records(&records))?;
        count += records.len();
    }
    Ok(count)
}
