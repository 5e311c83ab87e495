//! Follows what others ask of this scheduler: to cancel runs that it has claimed.

use apscheduler_core::Result;
use apscheduler_core::ledger::{
    OpenQuery, OpenRun, OpenState, OpenStep, RunLedger, RunQuery, RunState, Writes,
};
use apscheduler_core::run::{OwnerId, RunId};

use super::open_data::OpenData;
use super::paging::each_open_page;

/// Cancels a run of this scheduler. Returns whether it runs, or is about to.
pub(super) type OnCancel = Box<dyn Fn(RunId) -> bool + Send + Sync>;

/// Cancels the runs of an owner that others have asked it to cancel.
///
/// # Errors
/// Any error from the ledger.
pub(super) fn follow(
    ledger: &dyn RunLedger,
    owner: OwnerId,
    cancel: &dyn Fn(RunId) -> bool,
) -> Result<()> {
    each_open_page(ledger, OpenQuery::new().owner(owner).state(OpenState::Claimed), |page| {
        let asked = page.iter().filter(|row| row.cancel);
        let too_late = asked.filter(|row| !cancel(row.run_id));
        let ended = too_late.map(|row| Ok((row, has_ended(ledger, row)?)));
        let ended: Vec<(&OpenRun, bool)> = ended.collect::<Result<_>>()?;
        let ended = ended.into_iter().filter(|(_, has_ended)| *has_ended);
        let steps: Vec<OpenStep> =
            ended.map(|(row, _)| OpenStep::end(row.run_id, row.mark())).collect();
        if !steps.is_empty() {
            ledger.append(owner, &Writes::new().steps(&steps))?;
        }
        Ok(())
    })
}

/// Returns whether a row is the request to cancel a run that had none, and the run has ended.
fn has_ended(ledger: &dyn RunLedger, row: &OpenRun) -> Result<bool> {
    if !OpenData::read(&row.data).is_request {
        // It ends with the record of its run.
        return Ok(false);
    }
    let found = ledger.runs(&RunQuery::new().run(row.run_id))?;
    Ok(found.iter().all(|record| record.state != RunState::Claimed))
}
