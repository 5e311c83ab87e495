//! Claims the open runs of a store that wait, and submits them.

use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::executor::{Executor, Run, RunBatch, Submission};
use apscheduler_core::job::stored::decode;
use apscheduler_core::job::{JobSpec, Overlap, OverlapScope};
use apscheduler_core::ledger::{OpenQuery, OpenRun, OpenState, OpenStep, RunLedger};
use apscheduler_core::store::RunTimes;
use apscheduler_core::time::Timestamp;
use chrono::TimeDelta;

use super::attempts::cancelled;
use super::book::Ended;
use super::cancel_requests::follow;
use super::foreign::submit;
use super::identity::instance_key;
use super::open_data::OpenData;
use super::overlap::OVERLAP_PAUSE;
use super::state::Engine;
use super::store_runner::StoreRunner;
use super::store_session::Session;

/// The most runs of one claim.
const BATCH: usize = 100;

/// How long a run waits whose job can't be restored here, or whose executor is missing.
const BROKEN_PAUSE: TimeDelta = TimeDelta::seconds(60);

/// Why a run that was claimed does not start.
enum Refusal {
    /// Its job is gone.
    Removed,
    /// Somebody has cancelled it.
    Cancelled,
    /// It is tried again after this time.
    Later(TimeDelta, String),
}

impl Engine {
    /// Claims and submits the open runs that wait and are due.
    pub(super) fn claim_open_runs(
        self: &Arc<Self>,
        runner: &Arc<StoreRunner>,
        session: &Session,
        now: Timestamp,
    ) -> Result<()> {
        let Some(ledger) = runner.store.ledger().filter(|ledger| ledger.has_open_runs()) else {
            return Ok(());
        };
        if runner.open.take_stale() {
            let looked = self.look_at_others(runner, &*ledger);
            looked.inspect_err(|_| runner.open.others_changed())?;
        }
        let is_due = runner.open.next().is_some_and(|due| due <= now);
        if runner.open.take_doubt() {
            let found = claimed_unknown(runner, &*ledger);
            let runs = found.inspect_err(|_| runner.open.doubt())?;
            self.submit_open_runs(runner, runs);
        }
        if !is_due {
            return Ok(());
        }
        runner.open.begin_claim();
        while !session.is_stopped() {
            let claimed = ledger.claim_open(runner.owner().id, now, BATCH);
            let runs = claimed.inspect_err(|_| {
                runner.open.doubt();
                runner.open.waits(now);
            })?;
            let count = runs.len();
            self.submit_open_runs(runner, runs);
            if count < BATCH {
                break;
            }
        }
        if let Some(due) = ledger.next_open()? {
            runner.open.waits(due);
        }
        Ok(())
    }

    /// Looks for runs that others have left to wait, or ask to cancel.
    fn look_at_others(&self, runner: &StoreRunner, ledger: &dyn RunLedger) -> Result<()> {
        if let Some(due) = ledger.next_open()? {
            runner.open.waits(due);
        }
        follow(ledger, runner.owner().id, &|run| self.running.cancel(run))
    }

    fn submit_open_runs(self: &Arc<Self>, runner: &Arc<StoreRunner>, runs: Vec<OpenRun>) {
        for run in runs {
            let prepared = self.prepare_open_run(runner, &run);
            match prepared {
                Ok((executor, run)) => submit(&runner.alias, &*executor, vec![run]),
                Err(refusal) => self.refuse_open_run(runner, run, refusal),
            }
        }
    }

    fn prepare_open_run(
        self: &Arc<Self>,
        runner: &Arc<StoreRunner>,
        row: &OpenRun,
    ) -> Result<(Arc<dyn Executor>, Run), Refusal> {
        if row.cancel {
            return Err(Refusal::Cancelled);
        }
        let (spec, revision) = self.job_of(runner, row)?;
        let executor = self.executors().get(spec.executor()).cloned().ok_or_else(|| {
            let reason = format!("no executor has the alias `{}`", spec.executor());
            Refusal::Later(BROKEN_PAUSE, reason)
        })?;
        let batch =
            RunBatch::new(runner.owner(), Arc::clone(&runner.alias), runner.number, self.now());
        // Its scheduled start has passed long ago, and it is not late.
        let run = Submission::new(Arc::new(batch), row.run_id)
            .unseen(TimeDelta::MAX)
            .revision(revision)
            .open(Arc::new(row.clone()));
        let full = || {
            let reason = format!("`{}` has its maximum of running instances", spec.id());
            Refusal::Later(OVERLAP_PAUSE, reason)
        };
        let policies = spec.policies();
        if policies.overlap_scope == OverlapScope::Cluster
            && Self::full_in_cluster(runner, &spec, row).is_some()
        {
            return Err(full());
        }
        let max = if policies.overlap == Overlap::Allow { u32::MAX } else { spec.max_instances() };
        let key = instance_key(&spec, &run);
        // Runs of the schedule that wait already go first.
        if self.buffers.len(&key) > 0 || !self.instances.acquire(&key, max, false) {
            return Err(full());
        }
        if OpenData::read(&row.data).backfill.is_some() {
            self.instances.note_backfill(&key);
        }
        let run_times = RunTimes::One(row.scheduled_run_time);
        self.note_deadline(&spec, &run, run_times.as_slice());
        Ok((executor, self.new_run(runner, spec, run, run_times)))
    }

    /// Returns the job of a run, and its revision: as its store has it now, or as it was when it finished.
    fn job_of(&self, runner: &StoreRunner, row: &OpenRun) -> Result<(Arc<JobSpec>, u64), Refusal> {
        let later = |error: apscheduler_core::Error| Refusal::Later(BROKEN_PAUSE, error.chain());
        if let Some(definition) = OpenData::read(&row.data).job {
            let text = definition.to_string();
            let spec = decode(&row.job_id, &text, &self.trigger_context()).map_err(later)?;
            return Ok((Arc::new(spec), 0));
        }
        if let Some(record) = runner.store.lookup_job(&row.job_id).map_err(later)? {
            let spec = match runner.restored.known(&record) {
                Some(spec) => spec,
                None => runner.restored.restore(&record, &self.trigger_context()).map_err(later)?,
            };
            return Ok((spec, record.revision));
        }
        let kept = runner.open.job(row.run_id).filter(|job| !job.function().is_named());
        kept.map(|spec| (spec, 0)).ok_or(Refusal::Removed)
    }

    /// Puts a run that was claimed back, or ends it if its job is gone.
    fn refuse_open_run(&self, runner: &StoreRunner, run: OpenRun, refusal: Refusal) {
        let Some(recorder) = self.recorders.get(runner.number) else { return };
        let (now, owner, mark) = (self.now(), run.owner, run.mark());
        let ended = match refusal {
            Refusal::Later(pause, reason) => {
                tracing::debug!(
                    jobstore = &*runner.alias,
                    job_id = &*run.job_id,
                    "the run {} waits: {reason}",
                    run.run_id
                );
                let step = OpenStep::change(mark, run.waiting(now + pause));
                Ended { owner, batch: None, record: None, step: Some(step), release: None }
            }
            Refusal::Removed | Refusal::Cancelled => {
                runner.open.end(run.run_id);
                let mut record = cancelled(&run, owner, now);
                if matches!(refusal, Refusal::Removed) {
                    record = record.error("the job was removed before its run began");
                }
                let step = OpenStep::end(run.run_id, mark);
                let release = OpenData::read(&run.data).next;
                Ended { owner, batch: None, record: Some(record), step: Some(step), release }
            }
        };
        recorder.ended(ended);
    }
}

/// Returns the runs that this scheduler has claimed without knowing it, because the answer was lost.
fn claimed_unknown(runner: &StoreRunner, ledger: &dyn RunLedger) -> Result<Vec<OpenRun>> {
    let query = OpenQuery::new().owner(runner.owner().id).state(OpenState::Claimed);
    let mut runs = ledger.open_runs(&query)?;
    // The first attempt of a run is claimed with its job, and the store finds out about that itself.
    runs.retain(|run| {
        let data = OpenData::read(&run.data);
        let was_waiting = (run.attempt > 1 || data.asked) && data.cancelled_by.is_none();
        was_waiting && runner.open.job(run.run_id).is_none()
    });
    Ok(runs)
}
