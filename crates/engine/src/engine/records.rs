//! Makes the records of runs, and reads them.

use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::executor::{Fire, Outcome, RunBatch, Started, Submission};
use apscheduler_core::job::JobSpec;
use apscheduler_core::ledger::{
    BatchId, History, OpenQuery, OpenState, OpenStep, Reason, Retention, RunLedger, RunQuery,
    RunRecord, RunState, Skipped,
};
use apscheduler_core::run::OwnerId;
use apscheduler_core::store::Claim;
use apscheduler_core::time::Timestamp;

use super::attempts::{next_step, row_of};
use super::chain::is_remnant;
use super::followers::is_standing;
use super::open_data::OpenData;
use super::paging::{all_open, page};
use super::recorder::Recorder;
use super::state::Engine;
use super::store_runner::StoreRunner;
use super::unrecorded::Ended;

impl Engine {
    /// Notes what was claimed, all of it before the first run ends: a batch is closed when none of
    /// its runs is open. Claims of another batch than this one were in doubt, and may come in several parts.
    pub(super) fn note_claims(
        &self,
        (store, owner): (u32, OwnerId),
        claims: &[Claim],
        pass: Option<BatchId>,
    ) {
        let Some(recorder) = self.recorders.get(store) else { return };
        // Nearly always one batch.
        for claims in claims.chunk_by(|a, b| a.outcome.batch == b.outcome.batch) {
            let Some(batch) = claims.first().and_then(|claim| claim.outcome.batch) else {
                continue;
            };
            if Some(batch) != pass {
                recorder.doubt(owner, batch);
            }
            let runs = claims.iter().map(|Claim { outcome, .. }| {
                outcome.run_times.as_slice().len() + usize::from(outcome.skipped.is_some())
            });
            recorder.claimed(batch, runs.sum());
        }
    }

    /// Returns the recorder of a run, if the run is recorded or has a row.
    pub(super) fn recorder_of(&self, run: &Submission) -> Option<Arc<Recorder>> {
        let batch = run.batch();
        let is_known = batch.journal.is_some() || run.open_run().is_some();
        if is_known { self.recorders.get(batch.store) } else { None }
    }

    /// Records the outcome of a run.
    pub(super) fn record_outcome(
        &self,
        job: &JobSpec,
        run: &Submission,
        fire: &Fire,
        outcome: &Outcome,
    ) {
        let Some(recorder) = self.recorder_of(run) else { return };
        let (batch, now) = (run.batch(), self.now());
        let (state, reason) = state_of(outcome);
        let record = wants(job, &recorder, state).then(|| {
            let (id, time) = (Arc::clone(job.id_arc()), fire.scheduled_run_time);
            let record = RunRecord::new(fire.run_id, id, time, batch.owner.id, state)
                .attempt(run.attempt())
                .reason(reason)
                .claimed(batch.claimed)
                .started(fire.started.map(Started::time))
                .ended(now)
                .duration(fire.started.map(Started::elapsed));
            if job.policies().record_result {
                with_result(record, outcome, recorder.retention())
            } else {
                record
            }
        });
        let row = row_of(run, fire);
        let step = row.as_ref().map(|row| next_step(job, row, outcome, now));
        let has_ended = step.as_ref().is_some_and(|step| step.to.is_none());
        let release = row.filter(|_| has_ended).and_then(|row| OpenData::read(&row.data).next);
        let batch_of = batch.journal.map(|journal| (journal, 1));
        let ended_step = step.clone();
        recorder.ended(Ended { owner: batch.owner.id, batch: batch_of, record, step, release });
        // Afterwards, so that the run is known all the time: here, or to the recorder.
        if let Some(step) = &ended_step {
            self.note_step(batch, step);
        }
    }

    /// Forgets a run of which this scheduler needs to know nothing more.
    fn note_step(&self, batch: &RunBatch, step: &OpenStep) {
        let stores = self.stores();
        let Some(runner) = stores.get(&batch.jobstore) else { return };
        // A store that keeps objects has nothing from which a finished job could be restored.
        if step.to.is_none() || runner.capabilities.serializes {
            runner.open.end(step.run_id);
        }
    }

    /// Records that the run times of a run are skipped, because the job has its maximum of running
    /// instances.
    pub(super) fn record_overlap(
        &self,
        job: &JobSpec,
        run: &Submission,
        run_times: &[Timestamp],
        reason: Reason,
    ) {
        let ([first, .., last] | [first @ last]) = run_times else { return };
        let skipped = Skipped::new(run.first_run(), *first, reason);
        let count = run_times.len();
        let Some(recorder) = self.recorder_of(run) else { return };
        let record = skipped_end(job, run, &recorder, &skipped.until(*last, count as u64), count);
        // The rows of its run times end with the record: without them, nobody runs it again after a crash.
        let steps = run.open_run().into_iter().flat_map(|row| {
            let step = |index| OpenStep::end(row.run_id.nth(index), row.mark());
            (0..count).map(move |index| Ended {
                owner: row.owner,
                batch: None,
                record: None,
                step: Some(step(index)),
                release: None,
            })
        });
        recorder.ended_together(std::iter::once(record).chain(steps));
    }

    /// Records that run times do not run, as one record. `runs` of them belong to the batch.
    pub(super) fn record_skipped(
        &self,
        job: &JobSpec,
        run: &Submission,
        skipped: &Skipped,
        runs: usize,
    ) {
        let Some(recorder) = self.recorder_of(run) else { return };
        recorder.ended(skipped_end(job, run, &recorder, skipped, runs));
    }
}

/// Returns the end of run times that do not run. `runs` of them belong to the batch.
fn skipped_end(
    job: &JobSpec,
    run: &Submission,
    recorder: &Recorder,
    skipped: &Skipped,
    runs: usize,
) -> Ended {
    let batch = run.batch();
    let record = wants(job, recorder, skipped.state()).then(|| {
        skipped
            .record(Arc::clone(job.id_arc()), batch.owner.id)
            .claimed(batch.claimed)
            .ended(batch.claimed)
    });
    let batch_of = batch.journal.map(|journal| (journal, runs));
    Ended { owner: batch.owner.id, batch: batch_of, record, step: None, release: None }
}

/// Returns whether a run in this state is recorded: as its job says, or else the scheduler.
pub(super) fn wants(job: &JobSpec, recorder: &Recorder, state: RunState) -> bool {
    match recorder.level_of(job) {
        History::Off => false,
        History::Failures => state != RunState::Ok,
        History::All => true,
    }
}

fn state_of(outcome: &Outcome) -> (RunState, Option<Reason>) {
    match outcome {
        Outcome::Executed(_) => (RunState::Ok, None),
        Outcome::Error(error) if error.is_timeout() => (RunState::TimedOut, None),
        Outcome::Error(error) if error.is_cancellation() => (RunState::Cancelled, None),
        Outcome::Missed(missed) => (RunState::Missed, Some(missed.code())),
        _ => (RunState::Failed, None),
    }
}

fn with_result(record: RunRecord, outcome: &Outcome, limits: &Retention) -> RunRecord {
    match outcome {
        Outcome::Executed(value) if !value.is_null() => {
            record.result(cut(value.to_string(), limits.max_result))
        }
        Outcome::Error(error) => record.error(cut(error.text(), limits.max_error)),
        _ => record,
    }
}

/// Cuts text at a character boundary.
fn cut(mut text: String, most: usize) -> String {
    if text.len() > most {
        let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

/// Returns the runs that wait, and those whose attempt is in no journal.
fn further_attempts(ledger: &dyn RunLedger, query: &RunQuery) -> Result<Vec<RunRecord>> {
    let is_wanted = |state| query.states.is_empty() || query.states.contains(&state);
    if !is_wanted(RunState::Waiting) && !is_wanted(RunState::Claimed) {
        return Ok(Vec::new());
    }
    let mut open = OpenQuery::new();
    (open.job_id, open.run_id) = (query.job_id.clone(), query.run_id);
    let mut runs = unjournalled(ledger, open)?;
    runs.retain(|run| query.matches(&run.job_id, run.run_id, run.state));
    Ok(runs)
}

/// Returns the runs that wait, and those whose attempt is in no journal, of the open runs that match.
pub(super) fn unjournalled(ledger: &dyn RunLedger, query: OpenQuery) -> Result<Vec<RunRecord>> {
    let rows = all_open(ledger, query)?.into_iter().filter_map(|row| {
        if is_standing(&row) {
            return None;
        }
        let state = match row.state {
            // It has ended.
            OpenState::Waiting if is_remnant(&row) => return None,
            OpenState::Waiting => RunState::Waiting,
            // The others are in the journal.
            _ if row.attempt > 1 || OpenData::read(&row.data).asked => RunState::Claimed,
            _ => return None,
        };
        let record =
            RunRecord::new(row.run_id, row.job_id, row.scheduled_run_time, row.owner, state);
        Some(record.attempt(row.attempt))
    });
    Ok(rows.collect())
}

/// Returns the latest records of these stores that match. The attempts of a run stay together, so there may be more than the
/// query's limit: the next page begins before the last run of this one.
pub(super) fn runs_of<'a>(
    runners: impl IntoIterator<Item = &'a Arc<StoreRunner>>,
    query: &RunQuery,
) -> Result<Vec<RunRecord>> {
    let mut runs = Vec::new();
    for runner in runners {
        if let Some(ledger) = runner.store.ledger() {
            let mut found = page(&*ledger, query)?;
            if ledger.has_open_runs() {
                found.extend(further_attempts(&*ledger, query)?);
            }
            runs.extend(found.into_iter().map(|run| run.jobstore(Arc::clone(&runner.alias))));
        }
    }
    runs.sort_by_key(|run| std::cmp::Reverse((run.run_id, run.attempt)));
    cut_page(&mut runs, query.limit);
    Ok(runs)
}

/// Leaves the first `limit` records, and the other attempts of the last run among them.
pub(super) fn cut_page(runs: &mut Vec<RunRecord>, limit: usize) {
    let last = limit.checked_sub(1).and_then(|last| runs.get(last)).map(|last| last.run_id);
    let attempts = runs.iter().skip(limit).take_while(|run| Some(run.run_id) == last).count();
    runs.truncate(limit + attempts);
}
