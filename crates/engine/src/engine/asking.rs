//! Runs that somebody asks for, beside the schedule of a job. They wait in the ledger, due now, until a scheduler that shares
//! the store claims them.

use std::sync::Arc;

use apscheduler_core::job::stored::policies_of;
use apscheduler_core::job::{JobKey, Policies};
use apscheduler_core::ledger::{Appended, OpenRun, OpenStep, RunLedger, Writes};
use apscheduler_core::run::RunId;
use apscheduler_core::store::{JobPayload, JobRecord};
use apscheduler_core::{Error, ErrorKind, Result};

use super::open_data::OpenData;
use super::scheduler::Scheduler;
use super::store_runner::StoreRunner;
use super::storing::ledger_of_open_runs;

impl Scheduler {
    /// Runs a job now, and returns the id of the run. It is a run of its own: the schedule of the job does not move, and a
    /// paused job stays paused.
    ///
    /// The run waits in the ledger of the store until a scheduler on the store claims it: this one at once, if it runs;
    /// another one within a second if it watches the store, and with its next sign of life in any case. It counts as an
    /// instance of the job, and waits while the job has its maximum of them. The job need not be known to this program.
    ///
    /// # Errors
    /// [`ErrorKind::NotRunning`] if the scheduler has not been started; [`ErrorKind::JobLookup`];
    /// [`ErrorKind::Unsupported`] if the store keeps no open runs; any error from the store.
    ///
    /// # Examples
    /// ```
    /// use apscheduler::prelude::*;
    ///
    /// let scheduler = BackgroundScheduler::new();
    /// scheduler.start()?;
    /// let nightly = CronTrigger::builder().hour(3).build()?;
    /// scheduler.add_job(JobBuilder::new(|| println!("report")).id("report").trigger(nightly))?;
    /// let run = scheduler.run_now("report")?;
    /// println!("the run {run} starts soon");
    /// # Ok::<(), apscheduler::Error>(())
    /// ```
    pub fn run_now(&self, job: impl Into<JobKey>) -> Result<RunId> {
        self.refuse_before_start()?;
        let (runner, record) = self.0.find_record(&job.into())?;
        let ledger =
            ledger_of_open_runs(&runner).map_err(|error| error.with_job_id(&*record.id))?;
        let now = self.0.now();
        let data = OpenData::asked_for(&policies(&record));
        let id = Arc::clone(&record.id);
        let run = OpenRun::new(RunId::new(now), id, now, runner.owner().id, data.text());
        let run = run.waiting(now);
        let run_id = run.run_id;
        append(&runner, &*ledger, &Writes::new().steps(&[OpenStep::add(run)]))?;
        runner.note_waiting(&self.0, now);
        Ok(run_id)
    }

    /// Refuses a call that needs started stores.
    pub(super) fn refuse_before_start(&self) -> Result<()> {
        if self.waits() {
            let message = "the scheduler has not been started, so its stores are closed";
            return Err(Error::new(ErrorKind::NotRunning, message));
        }
        Ok(())
    }
}

/// Returns the policies of a job, also if this program can't restore it.
pub(super) fn policies(record: &JobRecord) -> Policies {
    match &record.payload {
        JobPayload::Live(job) => *job.policies(),
        JobPayload::Encoded(text) => policies_of(text).unwrap_or_default(),
    }
}

/// Writes into the ledger of a store.
///
/// # Errors
/// [`ErrorKind::Unavailable`] if this scheduler was found dead; any error from the ledger.
pub(super) fn append(
    runner: &StoreRunner,
    ledger: &dyn RunLedger,
    writes: &Writes<'_>,
) -> Result<()> {
    match ledger.append(runner.owner().id, writes)? {
        Appended::Written => Ok(()),
        Appended::Fenced => Err(Error::new(
            ErrorKind::Unavailable,
            "this scheduler gave no sign of life for longer than its lease, and others have found it dead; try again",
        )),
    }
}
