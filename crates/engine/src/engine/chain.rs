//! The runs of a backfill of which some wait until others have ended.
//!
//! Each run names the one that follows it. A run that is **held** waits without a due time, and its row belongs to the backfill
//! instead of a scheduler. The end of a run releases the one that follows: its row is due then, and belongs to the scheduler
//! that has released it. So what expects a row that is held finds none that was released.
//!
//! A run that is cancelled while it is held leaves its row, so that the run before still finds what follows. The attempt
//! number of such a row is 0.

use apscheduler_core::Result;
use apscheduler_core::ledger::{OpenQuery, OpenRun, OpenState, OpenStep, RunLedger};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::time::Timestamp;

use super::open_data::OpenData;
use super::paging::all_open;

/// How many rows of a backfill are written at once, so that no lock is held for long.
pub(super) const PIECE: usize = 500;

/// Returns the owner of the rows of a backfill that are held.
pub(super) fn holder(backfill: RunId) -> OwnerId {
    OwnerId::from_u128(backfill.as_u128())
}

/// Returns whether a run is held, or was when it was cancelled.
pub(super) fn is_held(row: &OpenRun) -> bool {
    let backfill = || OpenData::read(&row.data).backfill;
    row.state == OpenState::Waiting
        && row.due.is_none()
        && backfill().is_some_and(|backfill| holder(backfill) == row.owner)
}

/// Returns whether this is what is left of a run that was cancelled while it was held.
pub(super) fn is_remnant(row: &OpenRun) -> bool {
    row.cancel && row.attempt == 0
}

/// Returns what is left of a run that is cancelled while it is held.
pub(super) fn remnant(row: &OpenRun) -> OpenRun {
    row.clone().attempt(0).cancel(true)
}

/// Returns the rows of a backfill that wait, if they are wanted.
///
/// # Errors
/// Any error from the ledger.
pub(super) fn waiting_rows(
    ledger: &dyn RunLedger,
    backfill: RunId,
    is_wanted: impl Fn(&OpenRun) -> bool,
) -> Result<Vec<OpenRun>> {
    let of_backfill = |row: &OpenRun| OpenData::read(&row.data).backfill == Some(backfill);
    let mut rows = all_open(ledger, OpenQuery::new().state(OpenState::Waiting))?;
    rows.retain(|row| is_wanted(row) && of_backfill(row));
    Ok(rows)
}

/// Returns the steps that release a run, or the first one that follows it and was not cancelled.
///
/// # Errors
/// Any error from the ledger.
pub(super) fn release(
    ledger: &dyn RunLedger,
    run: RunId,
    me: OwnerId,
    now: Timestamp,
) -> Result<Vec<OpenStep>> {
    let (mut run, mut steps) = (run, Vec::new());
    loop {
        let row = ledger.open_runs(&OpenQuery::new().run(run))?.pop();
        // Without a row, all of the backfill was cancelled.
        let Some(row) = row.filter(is_held) else { return Ok(steps) };
        if !is_remnant(&row) {
            // It may be cancelled before the steps are carried out.
            for row in [remnant(&row), row] {
                let mark = row.mark();
                let mut released = row.waiting(now);
                released.owner = me;
                steps.push(OpenStep::change(mark, released));
            }
            return Ok(steps);
        }
        steps.push(OpenStep::end(run, row.mark()));
        match OpenData::read(&row.data).next {
            Some(next) => run = next,
            None => return Ok(steps),
        }
    }
}
