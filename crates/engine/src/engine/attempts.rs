//! What follows an attempt of a run that has a row in the ledger: another attempt, or the end of the row.

use std::sync::Arc;

use apscheduler_core::executor::{Fire, Outcome, Submission};
use apscheduler_core::job::JobSpec;
use apscheduler_core::ledger::{OpenRun, OpenStep, RunRecord, RunState};
use apscheduler_core::run::OwnerId;
use apscheduler_core::time::Timestamp;
use chrono::TimeDelta;

use super::open_data::OpenData;

/// Returns the row of a fire, if its run has one.
pub(super) fn row_of(run: &Submission, fire: &Fire) -> Option<OpenRun> {
    let mut row = OpenRun::clone(run.open_run()?);
    row.run_id = fire.run_id;
    row.scheduled_run_time = fire.scheduled_run_time;
    Some(row)
}

/// The error of a run that was cancelled before it began.
pub(super) const NOT_BEGUN: &str = "it was cancelled on request, before it began";

/// Returns the record of an attempt that was cancelled before it began.
pub(super) fn cancelled(row: &OpenRun, owner: OwnerId, now: Timestamp) -> RunRecord {
    let (id, time) = (Arc::clone(&row.job_id), row.scheduled_run_time);
    let record = RunRecord::new(row.run_id, id, time, owner, RunState::Cancelled);
    record.attempt(row.attempt.max(1)).error(NOT_BEGUN).ended(now)
}

/// Returns the step of a row whose attempt has ended.
pub(super) fn next_step(
    job: &JobSpec,
    row: &OpenRun,
    outcome: &Outcome,
    now: Timestamp,
) -> OpenStep {
    let Some(due) = retry_at(job, row, outcome, now) else {
        return OpenStep::end(row.run_id, row.mark());
    };
    let mut data = OpenData::read(&row.data);
    data.recovering = false;
    let mut next = row.clone().attempt(row.attempt + 1).waiting(due);
    next.data = data.text();
    OpenStep::change(row.mark(), next)
}

/// Returns when the next attempt is due, if the job asks for one.
fn retry_at(job: &JobSpec, row: &OpenRun, outcome: &Outcome, now: Timestamp) -> Option<Timestamp> {
    let (Outcome::Error(error), Some(retry)) = (outcome, job.policies().retry) else {
        return None;
    };
    // Attempts after a crash have a budget of their own.
    let attempts = row.attempt - OpenData::read(&row.data).crashes.min(row.attempt);
    if attempts >= retry.max_attempts || !retry.wants(error) {
        return None;
    }
    let delay = error.delay().unwrap_or_else(|| retry.delay_after(attempts));
    let jitter = retry.jitter.mul_f64(fastrand::f64());
    let delay = TimeDelta::from_std(delay.saturating_add(jitter)).ok()?;
    now.checked_add_signed(delay)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use apscheduler_core::function::JobError;
    use apscheduler_core::job::{JobBuilder, JobDefaults, Retry};
    use apscheduler_core::ledger::OpenState;
    use apscheduler_core::registry::Registry;
    use apscheduler_core::run::RunId;
    use apscheduler_core::time::{SystemClock, Zone};
    use apscheduler_core::trigger::TriggerContext;

    use super::*;

    fn job(retry: Option<Retry>) -> Arc<JobSpec> {
        let registry = Registry::empty();
        let context = TriggerContext::new(&registry, Zone::UTC, &SystemClock);
        let job = JobBuilder::new(|| ()).id("a").retry(retry);
        job.build(&context, &JobDefaults::new()).unwrap().spec
    }

    fn row(attempt: u32, crashes: u32) -> OpenRun {
        let now = Timestamp::UNIX_EPOCH;
        let data = OpenData { crashes, reruns: 3, ..OpenData::default() };
        OpenRun::new(RunId::new(now), "a", now, OwnerId::random(), data.text()).attempt(attempt)
    }

    /// The delay of the next attempt.
    fn delay(retry: Option<Retry>, row: &OpenRun, outcome: &Outcome) -> Option<Duration> {
        let step = next_step(&job(retry), row, outcome, Timestamp::UNIX_EPOCH);
        assert_eq!((step.run_id, step.from), (row.run_id, Some(row.mark())));
        let next = step.to?;
        assert_eq!((next.state, next.attempt), (OpenState::Waiting, row.attempt + 1));
        (next.due.unwrap() - Timestamp::UNIX_EPOCH).to_std().ok()
    }

    #[test]
    fn a_failure_is_tried_again_while_attempts_are_left() {
        let retry = Some(Retry::new(3).delay(Duration::from_secs(10)).backoff(2.0));
        let failure = || Outcome::Error(JobError::new("no"));
        assert_eq!(delay(retry, &row(1, 0), &failure()), Some(Duration::from_secs(10)));
        assert_eq!(delay(retry, &row(2, 0), &failure()), Some(Duration::from_secs(20)));
        assert_eq!(delay(retry, &row(3, 0), &failure()), None);
        assert_eq!(delay(None, &row(1, 0), &failure()), None);
    }

    #[test]
    fn crashes_do_not_use_up_attempts() {
        let retry = Some(Retry::new(2).delay(Duration::from_secs(10)));
        let failure = || Outcome::Error(JobError::new("no"));
        assert_eq!(delay(retry, &row(2, 1), &failure()), Some(Duration::from_secs(10)));
        assert_eq!(delay(retry, &row(3, 1), &failure()), None);
    }

    #[test]
    fn the_error_may_say_when() {
        let retry = Some(Retry::new(3).delay(Duration::from_secs(10)));
        let asked = JobError::new("busy").retry_after(Duration::from_secs(90));
        assert_eq!(delay(retry, &row(1, 0), &Outcome::Error(asked)), Some(Duration::from_secs(90)));
        let fatal = Outcome::Error(JobError::new("gone").fatal());
        assert_eq!(delay(retry, &row(1, 0), &fatal), None);
        assert_eq!(delay(retry, &row(1, 0), &Outcome::Executed(serde_json::Value::Null)), None);
    }

    #[test]
    fn jitter_is_added_and_never_taken_away() {
        let retry = Retry::new(3).delay(Duration::from_secs(10)).jitter(Duration::from_secs(5));
        for _ in 0..100 {
            let failure = Outcome::Error(JobError::new("no"));
            let delay = delay(Some(retry), &row(1, 0), &failure).unwrap().as_secs_f64();
            assert!((10.0..=15.0).contains(&delay), "{delay}");
        }
    }
}
