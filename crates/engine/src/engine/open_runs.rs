//! Claims the open runs of a store that wait, and submits them.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::executor::{Executor, Run, RunBatch, Submission};
use apscheduler_core::job::stored::decode;
use apscheduler_core::job::{JobSpec, Overlap, OverlapScope};
use apscheduler_core::ledger::{OpenQuery, OpenRun, OpenState, OpenStep, RunLedger};
use apscheduler_core::run::RunId;
use apscheduler_core::store::RunTimes;
use apscheduler_core::time::Timestamp;
use chrono::TimeDelta;

use super::attempts::cancelled;
use super::cancel_requests::follow;
use super::foreign::submit;
use super::identity::instance_key;
use super::open_data::OpenData;
use super::overlap::OVERLAP_PAUSE;
use super::paging::all_open;
use super::state::Engine;
use super::store_runner::StoreRunner;
use super::store_session::Session;
use super::unrecorded::Ended;

/// The most runs of one claim.
const BATCH: usize = 100;

/// How long a run waits whose job can't be restored here, or whose executor is missing.
const BROKEN_PAUSE: TimeDelta = TimeDelta::seconds(60);

/// By how much the clocks of two schedulers may differ: the one that has claimed the last run time of a job may be ahead.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// Why a run that was claimed does not start.
enum Refusal {
    /// Its job is gone.
    Removed,
    /// Somebody has cancelled it.
    Cancelled,
    /// Its job has its maximum of running instances.
    Full,
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
        let recorder = self.recorders.get(runner.number);
        if recorder.as_ref().is_some_and(|recorder| recorder.is_putting_back()) {
            // When that is written, its due time is known again, and causes a pass.
            runner.open.begin_claim();
            return Ok(());
        }
        let is_due = runner.open.next().is_some_and(|due| due <= now);
        if runner.open.take_doubt() {
            let unwritten = || recorder.map(|recorder| recorder.unwritten_runs());
            let found = claimed_unknown(runner, &*ledger, || unwritten().unwrap_or_default());
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
        // Those that have not begun are no instances, although they are claimed: they would keep each other from beginning.
        let mut idle: Vec<RunId> = runs.iter().map(|run| run.run_id).collect();
        let (mut full, mut refused): (Vec<Arc<str>>, _) = (Vec::new(), Vec::new());
        for row in runs {
            let prepared = if full.contains(&row.job_id) {
                Err(Refusal::Full)
            } else {
                self.prepare_open_run(runner, &row, &idle)
            };
            match prepared {
                Ok((executor, run)) => {
                    idle.retain(|idle| *idle != row.run_id);
                    submit(&runner.alias, &*executor, vec![run]);
                }
                Err(refusal) => {
                    if matches!(refusal, Refusal::Full) && !full.contains(&row.job_id) {
                        full.push(Arc::clone(&row.job_id));
                    }
                    refused.push(self.refuse_open_run(runner, row, &refusal));
                }
            }
        }
        if let Some(recorder) = self.recorders.get(runner.number).filter(|_| !refused.is_empty()) {
            recorder.ended_together(refused);
        }
    }

    fn prepare_open_run(
        self: &Arc<Self>,
        runner: &Arc<StoreRunner>,
        row: &OpenRun,
        idle: &[RunId],
    ) -> Result<(Arc<dyn Executor>, Run), Refusal> {
        // Whoever has claimed it to cancel it could not end it.
        if row.cancel || OpenData::read(&row.data).cancelled_by.is_some() {
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
        let policies = spec.policies();
        if policies.overlap_scope == OverlapScope::Cluster
            && Self::full_in_cluster(runner, &spec, row, idle).is_some()
        {
            return Err(Refusal::Full);
        }
        let max = if policies.overlap == Overlap::Allow { u32::MAX } else { spec.max_instances() };
        let key = instance_key(&spec, &run);
        // Runs of the schedule that wait already go first.
        if self.buffers.len(&key) > 0 || !self.instances.acquire(&key, max, false) {
            return Err(Refusal::Full);
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
        if let Some(record) = runner.store.lookup_job(&row.job_id).map_err(later)? {
            let spec = match runner.restored.known(&record) {
                Some(spec) => spec,
                None => runner.restored.restore(&record, &self.trigger_context()).map_err(later)?,
            };
            return Ok((spec, record.revision));
        }
        if let Some(definition) = OpenData::read(&row.data).job {
            let text = definition.to_string();
            let spec = decode(&row.job_id, &text, &self.trigger_context()).map_err(later)?;
            // Otherwise somebody has removed it.
            return if self.has_ended(&spec) {
                Ok((Arc::new(spec), 0))
            } else {
                Err(Refusal::Removed)
            };
        }
        let kept = runner.open.job(row.run_id).filter(|job| !job.function().is_named());
        kept.map(|spec| (spec, 0)).ok_or(Refusal::Removed)
    }

    /// Returns whether the schedule of a job has ended, by a clock that may be behind.
    fn has_ended(&self, job: &JobSpec) -> bool {
        let (now, trigger) = (self.now(), Arc::clone(job.trigger()));
        let next = || trigger.next_fire_time(Some(now + CLOCK_TOLERANCE), now);
        // Triggers are foreign code.
        catch_unwind(AssertUnwindSafe(next)).is_ok_and(|next| next.is_none())
    }

    /// Returns how a run that was claimed is put back, or ends if its job is gone.
    fn refuse_open_run(&self, runner: &StoreRunner, run: OpenRun, refusal: &Refusal) -> Ended {
        let (now, owner, mark) = (self.now(), run.owner, run.mark());
        let later = match refusal {
            Refusal::Later(pause, reason) => Some((*pause, reason.as_str())),
            Refusal::Full => Some((OVERLAP_PAUSE, "its job has its maximum of running instances")),
            Refusal::Removed | Refusal::Cancelled => None,
        };
        if let Some((pause, reason)) = later {
            let (alias, id) = (&*runner.alias, run.run_id);
            tracing::debug!(
                jobstore = alias,
                job_id = &*run.job_id,
                "the run {id} waits: {reason}"
            );
            let step = OpenStep::change(mark, run.waiting(now + pause));
            return Ended { owner, batch: None, record: None, step: Some(step), release: None };
        }
        runner.open.end(run.run_id);
        let mut record = cancelled(&run, owner, now);
        if matches!(refusal, Refusal::Removed) {
            record = record.error("the job was removed before its run began");
        }
        let step = OpenStep::end(run.run_id, mark);
        let release = OpenData::read(&run.data).next;
        Ended { owner, batch: None, record: Some(record), step: Some(step), release }
    }
}

/// Returns the runs that this scheduler has claimed without knowing it, because the answer was lost.
fn claimed_unknown(
    runner: &StoreRunner,
    ledger: &dyn RunLedger,
    unwritten: impl FnOnce() -> Vec<RunId>,
) -> Result<Vec<OpenRun>> {
    // Those that this scheduler knows, before the rows are read: a run that ends meanwhile still has the row. One that has
    // ended is among the latter before it is none of the former.
    let begun = runner.open.begun();
    let known: HashSet<RunId> = begun.into_iter().chain(unwritten()).collect();
    let query = OpenQuery::new().owner(runner.owner().id).state(OpenState::Claimed);
    let mut runs = all_open(ledger, query)?;
    // The first attempt of a run is claimed with its job, and the store finds out about that itself.
    runs.retain(|run| {
        let data = OpenData::read(&run.data);
        let was_waiting = run.attempt > 1 || data.asked;
        was_waiting && !known.contains(&run.run_id)
    });
    Ok(runs)
}
