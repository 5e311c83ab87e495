//! Cancels runs, wherever they are.

use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::executor::{CancellationToken, Fire, Started, Submission};
use apscheduler_core::function::JobError;
use apscheduler_core::job::{JobSpec, Overlap};
use apscheduler_core::ledger::{OpenRun, OpenState, OpenStep, Writes};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::time::Timestamp;
use apscheduler_core::{Error, ErrorKind, Result};

use super::asking::append;
use super::attempts::{NOT_BEGUN, cancelled};
use super::chain::{is_held, is_remnant, release, remnant};
use super::found_run::FoundRun;
use super::identity::instance_key;
use super::open_data::OpenData;
use super::scheduler::Scheduler;
use super::state::Engine;
use super::storing::ledger_of_open_runs;

/// How often to look at a run again that changes while it is cancelled.
const MAX_TRIES: usize = 50;

/// The pause before it is looked at again: its record may be about to be written.
const PAUSE: Duration = Duration::from_millis(10);

/// How a run was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cancelling {
    /// It waited, and has ended: it is recorded as `cancelled`.
    Ended,
    /// This scheduler runs it, or was about to: its cancellation token is cancelled.
    Told,
    /// This other scheduler runs it, and is asked to cancel it. It sees that with its next sign of life at the latest.
    Asked(OwnerId),
}

/// What one look at a run has come to.
enum Look {
    Done(Cancelling),
    /// The run has changed meanwhile.
    Again,
}

impl Scheduler {
    /// Cancels a run.
    ///
    /// A run that waits ends: it is recorded as `cancelled`. The function of a run that has begun is asked to end, through
    /// [`JobContext::cancellation`](apscheduler_core::function::JobContext::cancellation). If it fails then, the run is
    /// recorded as `cancelled`, is not tried again, and its event is `JOB_ERROR`, with an error that says that it was
    /// cancelled. If it succeeds all the same, the run is `ok`. The executors `tokio` and `smol` drop an async function that
    /// does not end in time, and `processpool` ends its worker.
    ///
    /// If another scheduler runs it, that one is asked to cancel it, and sees that with its next sign of life at the latest: it
    /// gives six in a `lease`. An attempt that ends before is not cancelled, but is not tried again.
    ///
    /// # Errors
    /// [`ErrorKind::RunLookup`] if no store knows the run: runs that are not recorded can't be cancelled;
    /// [`ErrorKind::RunState`] if it has ended; [`ErrorKind::Unsupported`] if another scheduler runs it, and the store keeps
    /// no open runs; [`ErrorKind::Unavailable`] if it keeps changing; any error from a store.
    pub fn cancel_run(&self, run: RunId) -> Result<Cancelling> {
        if self.0.running.cancel(run) {
            return Ok(Cancelling::Told);
        }
        for attempt in 0..MAX_TRIES {
            if attempt > 0 {
                std::thread::sleep(PAUSE);
            }
            if let Look::Done(cancelling) = self.try_cancel(&self.find_run(run)?)? {
                return Ok(cancelling);
            }
        }
        let message = format!("the run {run} keeps changing; try again");
        Err(Error::new(ErrorKind::Unavailable, message))
    }

    fn try_cancel(&self, run: &FoundRun) -> Result<Look> {
        if let Some(end) = run.end() {
            let state = end.state;
            let time = end.ended.map(|time| format!(" at {time}")).unwrap_or_default();
            return Err(run.refuse(&format!("has ended as {state}{time}")));
        }
        let me = run.runner.owner().id;
        let owner = run.row.as_ref().map(|row| row.owner);
        let owner = owner.or(run.latest.as_ref().map(|claimed| claimed.owner));
        match &run.row {
            Some(row) if is_held(row) => self.end_held(run, row, me),
            Some(row) if row.state == OpenState::Waiting => self.end_waiting(run, row, me),
            // If it is not running here, its record is about to be written.
            _ if owner == Some(me) && self.0.running.cancel(run.run_id) => {
                Ok(Look::Done(Cancelling::Told))
            }
            _ if owner == Some(me) => Ok(Look::Again),
            Some(row) => {
                let asked = row.clone().cancel(true);
                ask(run, OpenStep::change(row.mark(), asked), row.owner)
            }
            None => {
                let Some(claimed) = &run.latest else { return Ok(Look::Again) };
                let (id, time) = (Arc::clone(&run.job_id), claimed.scheduled_run_time);
                let data = OpenData { is_request: true, ..OpenData::default() }.text();
                let row = OpenRun::new(run.run_id, id, time, claimed.owner, data).cancel(true);
                ask(run, OpenStep::add(row), claimed.owner)
            }
        }
    }

    /// Ends a run that waits. It is claimed first, so that nobody else can begin it.
    fn end_waiting(&self, run: &FoundRun, row: &OpenRun, me: OwnerId) -> Result<Look> {
        let now = self.0.now();
        let mut data = OpenData::read(&row.data);
        let next = data.next;
        // Tells this claim from one of a pass of this scheduler.
        data.cancelled_by = Some(RunId::new(now));
        let mut mine = row.clone().claimed_by(me);
        mine.data = data.text();
        let ended = end_claimed(run, row, &mine, now);
        let is_ended = ended.inspect_err(|_| {
            // It may be claimed, and nobody else would end it: a pass does.
            run.runner.open.doubt();
            run.runner.mark_changed();
            self.0.wake();
        })?;
        if !is_ended {
            return Ok(Look::Again);
        }
        run.runner.open.end(run.run_id);
        if next.is_some() {
            run.runner.note_waiting(&self.0, now);
        }
        Ok(Look::Done(Cancelling::Ended))
    }

    /// Ends a run that is held until others have ended.
    fn end_held(&self, run: &FoundRun, row: &OpenRun, me: OwnerId) -> Result<Look> {
        write(run, &Writes::new().steps(&[OpenStep::change(row.mark(), remnant(row))]))?;
        if !run.read_row()?.is_some_and(|row| is_held(&row) && is_remnant(&row)) {
            return Ok(Look::Again);
        }
        write(run, &Writes::new().records(&[cancelled(row, me, self.0.now())]))?;
        Ok(Look::Done(Cancelling::Ended))
    }
}

/// Claims a run that waits, and ends it. Returns whether it could be claimed.
fn end_claimed(run: &FoundRun, row: &OpenRun, mine: &OpenRun, now: Timestamp) -> Result<bool> {
    write(run, &Writes::new().steps(&[OpenStep::change(row.mark(), mine.clone())]))?;
    if run.read_row()?.is_none_or(|row| row.mark() != mine.mark() || row.data != mine.data) {
        return Ok(false);
    }
    let mut steps = vec![OpenStep::end(mine.run_id, mine.mark())];
    if let Some(next) = OpenData::read(&mine.data).next {
        steps.extend(release(&*run.ledger, next, mine.owner, now)?);
    }
    let records = [cancelled(mine, mine.owner, now)];
    write(run, &Writes::new().records(&records).steps(&steps))?;
    Ok(true)
}

/// Asks the owner of a run to cancel it, through its row.
fn ask(run: &FoundRun, step: OpenStep, owner: OwnerId) -> Result<Look> {
    ledger_of_open_runs(&run.runner).map_err(|error| error.with_job_id(&*run.job_id))?;
    write(run, &Writes::new().steps(&[step]))?;
    // The run may have changed before.
    let is_asked = run.read_row()?.is_some_and(|row| row.cancel && row.owner == owner);
    Ok(if is_asked { Look::Done(Cancelling::Asked(owner)) } else { Look::Again })
}

fn write(run: &FoundRun, writes: &Writes<'_>) -> Result<()> {
    append(&run.runner, &*run.ledger, writes)
}

impl Engine {
    /// Notes runs that are about to be submitted, if they can be cancelled.
    pub(super) fn note_submission(&self, job: &JobSpec, run: &Submission, count: usize) {
        if is_cancellable(job, run) {
            let key = instance_key(job, run);
            for index in 0..count {
                self.running.submit(run.first_run().nth(index), &key);
            }
        }
    }

    /// Returns the token of a run time that begins. `token` is that of its executor.
    pub(super) fn token_of(
        &self,
        job: &JobSpec,
        run: &Submission,
        fire: &Fire,
        token: Option<CancellationToken>,
    ) -> Option<CancellationToken> {
        let begin = || {
            let now = fire.started.map_or_else(|| self.now(), Started::time);
            self.running.begin(fire.run_id, now, token.as_ref())
        };
        let own = is_cancellable(job, run).then(begin);
        own.flatten().or(token)
    }

    /// Forgets a run time that has ended.
    pub(super) fn note_end(&self, job: &JobSpec, run: &Submission, run_id: RunId) {
        if is_cancellable(job, run) {
            self.running.end(run_id);
        }
    }

    /// Returns the error of a run that was cancelled before it began.
    pub(super) fn refusal(&self, run_id: RunId) -> Option<JobError> {
        self.running.is_refused(run_id).then(|| JobError::new(NOT_BEGUN).at_cancellation())
    }
}

/// Returns whether a run can be cancelled: if it is recorded or has a row, or if further runs of its job cancel it.
fn is_cancellable(job: &JobSpec, run: &Submission) -> bool {
    run.batch().journal.is_some()
        || run.open_run().is_some()
        || matches!(job.policies().overlap, Overlap::CancelOther | Overlap::TerminateOther)
}
