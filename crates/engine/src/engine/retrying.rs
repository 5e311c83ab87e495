//! Further attempts of runs that have ended.

use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::job::JobKey;
use apscheduler_core::ledger::{OpenRun, OpenStep, RunRecord, RunState, Writes};
use apscheduler_core::run::RunId;

use super::asking::{append, policies};
use super::found_run::FoundRun;
use super::open_data::OpenData;
use super::scheduler::Scheduler;
use super::storing::ledger_of_open_runs;

impl Scheduler {
    /// Makes another attempt of a run that did not succeed: one that failed, timed out, was cancelled, is lost, or did not
    /// run. It has the same id and the same scheduled start as before, and the next attempt number. The schedule of the job
    /// does not move.
    ///
    /// The attempt waits in the ledger and is claimed like a run of [`run_now`](Self::run_now). It is never too late. The
    /// job is as its store has it now.
    ///
    /// # Errors
    /// [`ErrorKind::RunLookup`](apscheduler_core::ErrorKind::RunLookup);
    /// [`ErrorKind::RunState`](apscheduler_core::ErrorKind::RunState) if the run is open or succeeded, or if the record is
    /// about several run times; [`ErrorKind::JobLookup`](apscheduler_core::ErrorKind::JobLookup) if the job was removed;
    /// [`ErrorKind::Unsupported`](apscheduler_core::ErrorKind::Unsupported) if the store keeps no open runs; any error from
    /// a store.
    pub fn retry_run(&self, run: RunId) -> Result<()> {
        let run = self.find_run(run)?;
        if run.refuse_open("retried")?.state == RunState::Ok {
            return Err(run.refuse("succeeded, so it need not be retried; `repeat_run` repeats it"));
        }
        self.attempt_again(&run)
    }

    /// Makes another attempt of a run, as [`retry_run`](Self::retry_run) does, also of one that succeeded.
    ///
    /// # Errors
    /// As [`retry_run`](Self::retry_run), except for the run that succeeded.
    pub fn repeat_run(&self, run: RunId) -> Result<()> {
        self.attempt_again(&self.find_run(run)?)
    }

    fn attempt_again(&self, run: &FoundRun) -> Result<()> {
        let RunRecord { attempt, scheduled_run_time, count, .. } = *run.refuse_open("retried")?;
        if count > 1 {
            let message = format!(
                "stands for {count} run times, so it can't be retried; `backfill` runs those of a range"
            );
            return Err(run.refuse(&message));
        }
        if run.row.is_some() {
            let message = "was cancelled while it was held by its backfill, so it can be retried when the runs before it have ended";
            return Err(run.refuse(message));
        }
        let runner = &run.runner;
        let ledger =
            ledger_of_open_runs(runner).map_err(|error| error.with_job_id(&*run.job_id))?;
        // Without its job, the attempt could not begin.
        let key = JobKey::in_store(Arc::clone(&runner.alias), Arc::clone(&run.job_id));
        let (_, record) = self.0.find_record(&key)?;
        let data = OpenData::asked_for(&policies(&record));
        let (id, now) = (Arc::clone(&run.job_id), self.0.now());
        let row = OpenRun::new(run.run_id, id, scheduled_run_time, runner.owner().id, data.text());
        let row = row.attempt(attempt.saturating_add(1)).waiting(now);
        append(runner, &*ledger, &Writes::new().steps(&[OpenStep::add(row)]))?;
        runner.note_waiting(&self.0, now);
        Ok(())
    }
}
