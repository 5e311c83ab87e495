//! Finds a run in the ledgers of the stores.

use std::sync::Arc;

use apscheduler_core::ledger::{
    OpenQuery, OpenRun, OpenState, RunLedger, RunQuery, RunRecord, RunState,
};
use apscheduler_core::run::RunId;
use apscheduler_core::{Error, ErrorKind, Result};

use super::chain::is_remnant;
use super::scheduler::Scheduler;
use super::store_runner::StoreRunner;

/// A run that a ledger knows.
pub(super) struct FoundRun {
    pub(super) run_id: RunId,
    pub(super) job_id: Arc<str>,
    pub(super) runner: Arc<StoreRunner>,
    pub(super) ledger: Arc<dyn RunLedger>,
    /// Its row, if it has one.
    pub(super) row: Option<OpenRun>,
    /// The record of its latest attempt that has one. A run that was claimed with its job has one from then on.
    pub(super) latest: Option<RunRecord>,
}

impl Scheduler {
    /// Finds a run.
    ///
    /// # Errors
    /// [`ErrorKind::NotRunning`] if the scheduler has not been started; [`ErrorKind::RunLookup`] if no store knows the run;
    /// any error from a store.
    pub(super) fn find_run(&self, run_id: RunId) -> Result<FoundRun> {
        self.refuse_before_start()?;
        for runner in self.0.stores().values() {
            let Some(ledger) = runner.store.ledger() else { continue };
            // The row first: an attempt that ends meanwhile has a record then.
            let row = if ledger.has_open_runs() {
                ledger.open_runs(&OpenQuery::new().run(run_id))?.pop()
            } else {
                None
            };
            let latest = ledger.runs(&RunQuery::new().run(run_id))?.into_iter().next();
            let job_id = row.as_ref().map(|row| &row.job_id);
            let Some(job_id) = job_id.or(latest.as_ref().map(|record| &record.job_id)) else {
                continue;
            };
            let (job_id, runner) = (Arc::clone(job_id), Arc::clone(runner));
            return Ok(FoundRun { run_id, job_id, runner, ledger, row, latest });
        }
        let message = format!(
            "no store knows the run {run_id}; a run has no record if its history is off, or when the record was removed"
        );
        Err(Error::new(ErrorKind::RunLookup, message))
    }
}

impl FoundRun {
    /// Returns its row as it is now.
    pub(super) fn read_row(&self) -> Result<Option<OpenRun>> {
        Ok(self.ledger.open_runs(&OpenQuery::new().run(self.run_id))?.pop())
    }

    /// Returns the record with which the run has ended; `None` if it is open.
    pub(super) fn end(&self) -> Option<&RunRecord> {
        let has_ended = self.row.as_ref().is_none_or(is_remnant);
        self.latest.as_ref().filter(|record| has_ended && record.state != RunState::Claimed)
    }

    /// An error about the state of the run.
    pub(super) fn refuse(&self, message: &str) -> Error {
        let message = format!("the run {} {message}", self.run_id);
        Error::new(ErrorKind::RunState, message).with_job_id(&*self.job_id)
    }

    /// Refuses what can be done only with a run that has ended.
    pub(super) fn refuse_open(&self, what: &str) -> Result<&RunRecord> {
        self.end().ok_or_else(|| {
            let is_waiting = self.row.as_ref().is_some_and(|row| row.state == OpenState::Waiting);
            let state = if is_waiting { "waits to be run" } else { "has not ended" };
            self.refuse(&format!("{state}, so it can't be {what}"))
        })
    }
}
