//! Makes the records of runs, and reads them.

use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::executor::{Fire, Outcome, RunBatch, Started, Submission};
use apscheduler_core::job::JobSpec;
use apscheduler_core::ledger::{Reason, RunQuery, RunRecord, RunState};
use apscheduler_core::time::Timestamp;

use super::scheduler::Scheduler;
use super::state::Engine;
use super::store_runner::StoreRunner;

/// The longest return value that is recorded, in bytes of JSON.
const MAX_RESULT: usize = 64 * 1024;

/// The longest error that is recorded, in bytes.
const MAX_ERROR: usize = 4 * 1024;

impl Engine {
    /// Notes that runs were claimed, before the first of them ends.
    pub(super) fn note_claim(&self, batch: &RunBatch, runs: usize) {
        if let Some((recorder, journal)) = self.recorders.get(batch.store).zip(batch.journal) {
            recorder.claimed(journal, runs);
        }
    }

    /// Records the outcome of a run.
    pub(super) fn record_outcome(
        &self,
        job: &JobSpec,
        run: &Submission,
        fire: &Fire,
        outcome: &Outcome,
    ) {
        let batch = run.batch();
        let Some((recorder, journal)) = self.recorders.get(batch.store).zip(batch.journal) else {
            return;
        };
        let (state, reason) = match outcome {
            Outcome::Executed(_) => (RunState::Ok, None),
            Outcome::Error(error) if error.is_timeout() => (RunState::TimedOut, None),
            Outcome::Error(error) if error.is_cancellation() => (RunState::Cancelled, None),
            Outcome::Missed(missed) if missed.was_idle() => {
                (RunState::Missed, Some(Reason::AllDown))
            }
            Outcome::Missed(_) => (RunState::Missed, Some(Reason::Late)),
            _ => (RunState::Failed, None),
        };
        let record = recorder.wants(state).then(|| {
            let owner = batch.owner.id;
            let mut record = RunRecord::new(
                fire.run_id,
                Arc::clone(job.id_arc()),
                fire.scheduled_run_time,
                owner,
                state,
            )
            .reason(reason)
            .claimed(batch.claimed)
            .started(fire.started.map(Started::time))
            .ended(self.now())
            .duration(fire.started.map(Started::elapsed));
            match outcome {
                Outcome::Executed(value) if !value.is_null() => {
                    record = record.result(cut(value.to_string(), MAX_RESULT));
                }
                Outcome::Error(error) => {
                    record = record.error(cut(error.text(), MAX_ERROR));
                }
                _ => {}
            }
            record
        });
        recorder.ended((batch.owner.id, journal), 1, record);
    }

    /// Records that the run times of a run are skipped, because the job has its maximum of running
    /// instances.
    pub(super) fn record_overlap(&self, job: &JobSpec, run: &Submission, run_times: &[Timestamp]) {
        let batch = run.batch();
        let recorder = self.recorders.get(batch.store).zip(batch.journal);
        let (Some((recorder, journal)), [first, .., last] | [first @ last]) = (recorder, run_times)
        else {
            return;
        };
        let record = recorder.wants(RunState::Skipped).then(|| {
            let (id, owner) = (Arc::clone(job.id_arc()), batch.owner.id);
            let record = RunRecord::new(run.first_run(), id, *first, owner, RunState::Skipped)
                .reason(Reason::Overlap)
                .claimed(batch.claimed)
                .ended(batch.claimed);
            if run_times.len() > 1 { record.until(*last, run_times.len() as u64) } else { record }
        });
        recorder.ended((batch.owner.id, journal), run_times.len(), record);
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

impl Scheduler {
    /// Returns the recorded runs of all stores that have a ledger, the latest first.
    ///
    /// # Errors
    /// Any error from a store.
    pub fn runs(&self, query: &RunQuery) -> Result<Vec<RunRecord>> {
        runs_of(self.0.stores().values(), query)
    }

    /// Returns the recorded runs of one store, the latest first. There are none if it has no ledger.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownAlias`](apscheduler_core::ErrorKind::UnknownAlias); any error from the
    /// store.
    pub fn runs_in(&self, alias: &str, query: &RunQuery) -> Result<Vec<RunRecord>> {
        runs_of([&self.0.store(alias)?], query)
    }
}

fn runs_of<'a>(
    runners: impl IntoIterator<Item = &'a Arc<StoreRunner>>,
    query: &RunQuery,
) -> Result<Vec<RunRecord>> {
    let mut runs = Vec::new();
    for runner in runners {
        if let Some(ledger) = runner.store.ledger() {
            let found = ledger.runs(query)?;
            runs.extend(found.into_iter().map(|run| run.jobstore(Arc::clone(&runner.alias))));
        }
    }
    runs.sort_by_key(|run| std::cmp::Reverse((run.run_id, run.attempt)));
    runs.truncate(query.limit);
    Ok(runs)
}
