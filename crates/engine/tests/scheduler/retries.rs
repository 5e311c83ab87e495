//! Runs that are tried again, and those that are run again after a crash.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use apscheduler_core::ErrorKind;
use apscheduler_core::config::Config;
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::function::{JobContext, JobError};
use apscheduler_core::job::{Coalesce, JobBuilder, OnCrash, Policies, Retry};
use apscheduler_core::ledger::{History, OpenQuery, Reason, RunQuery, RunRecord, RunState};
use apscheduler_testkit::SteppedScheduler;
use chrono::TimeDelta;

use crate::recorder::{Recorder, at, every, scheduler};

fn retrying(history: Option<History>) -> SteppedScheduler {
    let scheduler = scheduler();
    let config = Config::new().executor("default", "debug");
    let config = match history {
        Some(history) => config.history(history),
        None => config,
    };
    scheduler.configure(&config).unwrap();
    scheduler.start().unwrap();
    scheduler
}

/// A function that fails this often, and the attempts that it has seen.
fn failing(times: u32) -> (impl Fn(&JobContext) -> Result<u32, JobError> + Clone, Arc<AtomicU32>) {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let function = move |context: &JobContext| {
        let call = counted.fetch_add(1, Ordering::SeqCst) + 1;
        assert_eq!(context.attempt(), call);
        if call <= times { Err(JobError::new("not yet")) } else { Ok(call) }
    };
    (function, calls)
}

fn open_runs(scheduler: &SteppedScheduler) -> usize {
    let store = scheduler.jobstore("default").unwrap();
    store.ledger().unwrap().open_runs(&OpenQuery::new()).unwrap().len()
}

fn states(scheduler: &SteppedScheduler) -> Vec<(u32, RunState)> {
    let runs: Vec<RunRecord> = scheduler.runs(&RunQuery::new()).unwrap();
    runs.iter().map(|run| (run.attempt, run.state)).collect()
}

#[test]
fn a_run_that_fails_is_tried_again_until_it_succeeds() {
    let scheduler = retrying(Some(History::All));
    let events = Recorder::on(&scheduler, EventMask::JOB_ERROR | EventMask::JOB_EXECUTED);
    let (function, calls) = failing(2);
    let retry = Retry::new(5).delay(Duration::from_secs(10)).backoff(2.0);
    scheduler.add_job(JobBuilder::new(function).id("a").retry(retry)).unwrap();
    scheduler.step();
    assert_eq!(states(&scheduler), [(2, RunState::Waiting), (1, RunState::Failed)]);
    scheduler.advance(TimeDelta::seconds(9));
    assert_eq!(calls.load(Ordering::SeqCst), 1, "it is not due yet");
    let next = scheduler.advance(TimeDelta::seconds(1));
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert_eq!(next, Some(at(30)), "the scheduler sleeps until the next attempt");
    scheduler.advance(TimeDelta::seconds(20));
    assert_eq!(
        states(&scheduler),
        [(3, RunState::Ok), (2, RunState::Failed), (1, RunState::Failed)]
    );
    assert_eq!(open_runs(&scheduler), 0);
    let events = events.take();
    let infos: Vec<_> = events.iter().map(|event| event.run().unwrap()).collect();
    assert!(infos.iter().all(|info| info.id == infos[0].id), "the attempts of one run");
    assert_eq!(infos.iter().map(|info| info.attempt).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn attempts_are_limited() {
    let scheduler = retrying(Some(History::All));
    let (function, calls) = failing(u32::MAX);
    let retry = Retry::new(3).delay(Duration::from_secs(1));
    scheduler.add_job(JobBuilder::new(function).id("a").retry(retry)).unwrap();
    for _ in 0..10 {
        scheduler.advance(TimeDelta::seconds(1));
    }
    assert_eq!(calls.load(Ordering::SeqCst), 3);
    assert_eq!(open_runs(&scheduler), 0);
}

/// The default of the memory store.
#[test]
fn retries_need_no_history() {
    let scheduler = retrying(None);
    let (function, calls) = failing(1);
    let retry = Retry::new(3).delay(Duration::from_secs(1));
    scheduler.add_job(JobBuilder::new(function).id("a").retry(retry)).unwrap();
    scheduler.step();
    scheduler.advance(TimeDelta::seconds(1));
    assert_eq!((calls.load(Ordering::SeqCst), open_runs(&scheduler)), (2, 0));
    assert!(scheduler.runs(&RunQuery::new()).unwrap().is_empty());
}

#[test]
fn retries_do_not_move_the_schedule() {
    let scheduler = retrying(None);
    let runs = Recorder::on(&scheduler, EventMask::JOB_ERROR);
    let fails = || -> Result<(), JobError> { Err(JobError::new("no")) };
    let retry = Retry::new(2).delay(Duration::from_secs(7));
    scheduler.add_job(JobBuilder::new(fails).id("a").trigger(every(10)).retry(retry)).unwrap();
    for _ in 0..30 {
        scheduler.advance(TimeDelta::seconds(1));
    }
    let fires = |events: &[Event], attempt: u32| -> Vec<_> {
        let of = events.iter().filter(|event| event.run().unwrap().attempt == attempt);
        of.map(|event| event.scheduled_run_times()[0]).collect()
    };
    let events = runs.take();
    assert_eq!(fires(&events, 1), [at(10), at(20), at(30)]);
    assert_eq!(fires(&events, 2), [at(10), at(20)]);
}

#[test]
fn a_run_is_tried_again_although_the_schedule_of_its_job_has_ended() {
    let scheduler = retrying(Some(History::All));
    let retry = Retry::new(2).delay(Duration::from_secs(15));
    let job = JobBuilder::new("tests::broken").id("a").trigger(every(10).end_date(at(25)));
    scheduler.add_job(job.retry(retry)).unwrap();
    for _ in 0..4 {
        scheduler.advance(TimeDelta::seconds(10));
    }
    assert!(scheduler.get_job("a").unwrap().is_none());
    let attempts = [(2, RunState::Failed), (1, RunState::Failed)];
    assert_eq!(states(&scheduler), [attempts, attempts].concat());
    assert_eq!(open_runs(&scheduler), 0);
}

#[test]
fn a_run_of_a_removed_job_is_not_tried_again() {
    let scheduler = retrying(Some(History::All));
    let (function, calls) = failing(u32::MAX);
    let retry = Retry::new(3).delay(Duration::from_secs(5));
    let job = JobBuilder::new("tests::broken").id("named").trigger(every(10)).retry(retry);
    scheduler.add_job(job).unwrap();
    scheduler.add_job(JobBuilder::new(function).id("a").trigger(every(10)).retry(retry)).unwrap();
    scheduler.advance(TimeDelta::seconds(10));
    assert_eq!(open_runs(&scheduler), 2);
    scheduler.remove_job("named").unwrap();
    scheduler.advance(TimeDelta::seconds(5));
    let of = |job: &str| scheduler.runs(&RunQuery::new().job(job)).unwrap();
    assert_eq!(of("named")[0].state, RunState::Cancelled);
    assert!(of("named")[0].error.as_deref().unwrap().contains("was removed"));
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[test]
fn a_policy_that_contradicts_itself_is_refused() {
    let scheduler = retrying(None);
    let error = |job: JobBuilder| scheduler.add_job(job).unwrap_err();
    let job = || JobBuilder::new("tests::ok").id("a").trigger(every(10));
    let refused = error(job().retry(Retry::new(1)));
    assert_eq!((refused.kind(), refused.job_id()), (ErrorKind::InvalidJob, Some("a")));
    assert!(refused.to_string().contains("`max_attempts` must be at least 2"), "{refused}");
    let refused = error(job().catchup_limit(3)).to_string();
    assert!(refused.contains("set `coalesce = false`"), "{refused}");
    let refused = error(job().on_crash(OnCrash::Rerun { limit: 0 })).to_string();
    assert!(refused.contains("`on_crash`"), "{refused}");
}

#[test]
fn a_run_that_has_not_succeeded_by_its_deadline_is_reported() {
    let scheduler = retrying(None);
    let events = Recorder::on(&scheduler, EventMask::JOB_OVERDUE);
    let (function, _) = failing(2);
    let retry = Retry::new(5).delay(Duration::from_secs(10));
    let deadline = Duration::from_secs(15);
    scheduler
        .add_job(JobBuilder::new(function).id("late").retry(retry).deadline(deadline))
        .unwrap();
    scheduler.add_job(JobBuilder::new("tests::ok").id("ok").deadline(deadline)).unwrap();
    scheduler.step();
    let next = scheduler.advance(TimeDelta::seconds(10));
    assert_eq!(next, Some(at(15)), "the scheduler wakes up for the deadline");
    assert_eq!(events.take().len(), 0);
    scheduler.advance(TimeDelta::seconds(5));
    let overdue = events.take();
    let [Event::JobOverdue { job, deadline, scheduled_run_time, .. }] = &overdue[..] else {
        panic!("{overdue:?}")
    };
    assert_eq!((job.id(), *deadline, *scheduled_run_time), ("late", at(15), at(0)));
    scheduler.advance(TimeDelta::seconds(60));
    assert_eq!(events.take().len(), 0, "once");
}

fn not_run(scheduler: &SteppedScheduler) -> Vec<RunRecord> {
    let mut runs = scheduler.runs(&RunQuery::new()).unwrap();
    runs.retain(|run| run.state != RunState::Ok);
    runs
}

#[test]
fn run_times_that_coalesce_are_one_record() {
    let late = TimeDelta::seconds(7);
    for (coalesce, ran, first, last) in [(Coalesce::Latest, 7, 1, 6), (Coalesce::Earliest, 1, 2, 7)]
    {
        let scheduler = retrying(Some(History::All));
        let events = Recorder::on(&scheduler, EventMask::JOB_EXECUTED);
        let job = JobBuilder::new("tests::ok").id("a").trigger(every(1)).coalesce(coalesce);
        scheduler.add_job(job.misfire_grace_time(None)).unwrap();
        scheduler.advance(late);
        assert_eq!(events.take()[0].scheduled_run_times(), [at(ran)]);
        let skipped = not_run(&scheduler);
        assert_eq!(skipped.len(), 1, "{coalesce:?}");
        let record = &skipped[0];
        assert_eq!((record.state, record.reason), (RunState::Coalesced, Some(Reason::Coalesced)));
        let expected = (at(first), Some(at(last)), 6);
        assert_eq!((record.scheduled_run_time, record.until, record.count), expected);
        // The schedule goes on.
        scheduler.advance(TimeDelta::seconds(1));
        assert_eq!(events.take()[0].scheduled_run_times(), [at(8)]);
    }
}

#[test]
fn the_newest_run_times_catch_up_and_the_rest_is_one_record() {
    let scheduler = retrying(Some(History::All));
    let events = Recorder::on(&scheduler, EventMask::JOB_EXECUTED);
    let job = JobBuilder::new("tests::ok").id("a").trigger(every(1)).coalesce(false);
    scheduler.add_job(job.misfire_grace_time(None).catchup_limit(3)).unwrap();
    scheduler.advance(TimeDelta::days(400));
    let end = at(400 * 24 * 60 * 60);
    let ran: Vec<_> = events.take().iter().map(|event| event.scheduled_run_times()[0]).collect();
    let expected = [end - TimeDelta::seconds(2), end - TimeDelta::seconds(1), end];
    assert_eq!(ran, expected);
    let skipped = not_run(&scheduler);
    assert_eq!(skipped.len(), 1);
    let record = &skipped[0];
    assert_eq!((record.state, record.reason), (RunState::Skipped, Some(Reason::CatchUpLimit)));
    assert_eq!(
        (record.scheduled_run_time, record.until),
        (at(1), Some(end - TimeDelta::seconds(3)))
    );
    assert_eq!(record.count, 400 * 24 * 60 * 60 - 3);
}

#[test]
fn the_history_of_a_job_goes_before_that_of_the_scheduler() {
    let scheduler = retrying(None);
    let job = |id: &str| JobBuilder::new("tests::ok").id(id).trigger(every(10));
    scheduler.add_job(job("all").history(History::All)).unwrap();
    scheduler.add_job(job("none")).unwrap();
    scheduler.advance(TimeDelta::seconds(10));
    let runs = scheduler.runs(&RunQuery::new()).unwrap();
    assert_eq!(runs.iter().map(|run| &*run.job_id).collect::<Vec<_>>(), ["all"]);
    let scheduler = retrying(Some(History::All));
    scheduler.add_job(job("off").history(History::Off)).unwrap();
    let secret = JobBuilder::new(|| "a secret").id("secret").record_result(false);
    scheduler.add_job(secret).unwrap();
    scheduler.advance(TimeDelta::seconds(10));
    let runs = scheduler.runs(&RunQuery::new()).unwrap();
    assert_eq!(runs.len(), 1);
    assert_eq!((&*runs[0].job_id, runs[0].result.as_deref()), ("secret", None));
}

#[test]
fn policies_are_those_of_the_scheduler_unless_a_job_has_its_own() {
    let scheduler = scheduler();
    let defaults = serde_json::json!({"job_defaults": {"retry": 4, "overlap": "allow"}});
    scheduler.configure(&Config::from_value(&defaults).unwrap()).unwrap();
    let policies = |job: JobBuilder| -> Policies {
        *scheduler.add_job(job).unwrap().spec().unwrap().policies()
    };
    let job = |id: &str| JobBuilder::new("tests::ok").id(id).trigger(every(10));
    assert_eq!(policies(job("a")).retry, Some(Retry::new(4)));
    assert_eq!(policies(job("b").retry(None)).retry, None);
}
