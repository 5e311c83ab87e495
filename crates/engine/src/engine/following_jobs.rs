//! Notes in the ledger which jobs follow others, before such a job is written.

use std::sync::Arc;

use apscheduler_core::job::JobSpec;
use apscheduler_core::ledger::{OpenStep, Writes};
use apscheduler_core::run::RunId;
use apscheduler_core::{Error, ErrorKind, Result};

use super::asking::append;
use super::followers::{Standing, circle, standing_rows};
use super::scheduler::Scheduler;
use super::store_runner::StoreRunner;
use super::storing::ledger_of_open_runs;

/// How often to try again while others change the rows.
const MAX_TRIES: usize = 10;

impl Scheduler {
    /// Notes that a job follows others, if it does, or that it does no more.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidJob`] if jobs would follow each other in a circle; [`ErrorKind::Unsupported`] if the store keeps no
    /// open runs; any error from the ledger.
    pub(super) fn note_follower(
        &self,
        runner: &StoreRunner,
        job: &Arc<JobSpec>,
        before: Option<&JobSpec>,
    ) -> Result<()> {
        let follows = job.trigger().follows();
        let followed = before.map(|before| before.trigger().follows()).unwrap_or_default();
        if follows == followed && (follows.is_empty() || before.is_some()) {
            return Ok(());
        }
        let ledger = ledger_of_open_runs(runner).map_err(|error| error.with_job_id(job.id()))?;
        for _ in 0..MAX_TRIES {
            let rows = standing_rows(&*ledger)?;
            if let Some(jobs) = circle(&rows, job.id(), &follows) {
                let message = format!(
                    "`after`: the jobs would follow each other in a circle: {}",
                    jobs.join(" -> ")
                );
                return Err(Error::new(ErrorKind::InvalidJob, message).with_job_id(job.id()));
            }
            let row = rows.into_iter().find(|row| *row.job_id == *job.id());
            let now = self.0.now();
            let new =
                || Standing { follows: follows.clone(), from: RunId::first_of(now), holder: None };
            let step = match (&row, follows.is_empty()) {
                (None, true) => return Ok(()),
                (None, false) => OpenStep::add(new().row(job.id_arc(), now)),
                (Some(row), true) => OpenStep::end(row.run_id, row.mark()),
                (Some(row), false) => {
                    let mut standing = Standing::read(row).unwrap_or_else(new);
                    if standing.follows == follows {
                        return Ok(());
                    }
                    (standing.follows, standing.holder) = (follows.clone(), None);
                    OpenStep::change(row.mark(), standing.next(row))
                }
            };
            let expected = step.to.clone();
            append(runner, &*ledger, &Writes::new().steps(&[step]))?;
            let rows = standing_rows(&*ledger)?;
            let row = rows.iter().find(|row| *row.job_id == *job.id());
            if row.map(|row| &row.data) == expected.as_ref().map(|row| &row.data) {
                if let Some(row) = row {
                    runner.followers.note(row);
                }
                return Ok(());
            }
        }
        let message = "others keep changing which jobs it follows; try again";
        Err(Error::new(ErrorKind::Unavailable, message).with_job_id(job.id()))
    }
}
