//! Runs that somebody asks for: now, and again.

use std::time::Duration;

use apscheduler_core::ErrorKind;
use apscheduler_core::config::Config;
use apscheduler_core::event::EventMask;
use apscheduler_core::function::{JobContext, JobError};
use apscheduler_core::job::{Coalesce, JobBuilder, Retry};
use apscheduler_core::ledger::{History, OpenQuery, RunQuery, RunRecord, RunState};
use apscheduler_core::run::RunId;
use apscheduler_testkit::{SteppedScheduler, TestStore};
use chrono::TimeDelta;

use crate::held_runs::HeldRuns;
use crate::recorder::{Recorder, at, every, scheduler};

fn recording(executor: Option<&HeldRuns>) -> SteppedScheduler {
    let scheduler = scheduler();
    let config = Config::new().history(History::All);
    let config = match executor {
        Some(held) => config.executor("default", held.clone()),
        None => config.executor("default", "debug"),
    };
    scheduler.configure(&config).unwrap();
    scheduler.start().unwrap();
    scheduler
}

fn records(scheduler: &SteppedScheduler) -> Vec<RunRecord> {
    scheduler.runs(&RunQuery::new()).unwrap()
}

fn states(scheduler: &SteppedScheduler) -> Vec<(u32, RunState)> {
    records(scheduler).iter().map(|run| (run.attempt, run.state)).collect()
}

fn open_runs(scheduler: &SteppedScheduler) -> usize {
    let store = scheduler.jobstore("default").unwrap();
    store.ledger().unwrap().open_runs(&OpenQuery::new()).unwrap().len()
}

#[test]
fn a_job_runs_now_and_its_schedule_stays() {
    let scheduler = recording(None);
    let events = Recorder::on(&scheduler, EventMask::JOB_SUBMITTED | EventMask::JOB_EXECUTED);
    scheduler.add_job(JobBuilder::new("tests::ok").id("a").trigger(every(10))).unwrap();
    scheduler.advance(TimeDelta::seconds(3));
    let wakes = scheduler.wakes();
    let run = scheduler.run_now("a").unwrap();
    assert!(scheduler.wakes() > wakes, "the run is claimed soon");
    assert_eq!(states(&scheduler), [(1, RunState::Waiting)]);
    scheduler.step();
    assert_eq!(events.names(), ["JOB_SUBMITTED a", "JOB_EXECUTED a"]);
    let record = records(&scheduler).remove(0);
    assert_eq!((record.run_id, record.state, record.attempt), (run, RunState::Ok, 1));
    assert_eq!(record.scheduled_run_time, at(3));
    assert_eq!(open_runs(&scheduler), 0);
    let next = scheduler.get_job("a").unwrap().unwrap().next_run_time();
    assert_eq!(next.instant(), Some(at(10)));
    scheduler.advance(TimeDelta::seconds(7));
    assert_eq!(records(&scheduler).len(), 2);
}

#[test]
fn each_call_is_a_run_and_counts_as_an_instance() {
    let held = HeldRuns::new(usize::MAX);
    let scheduler = recording(Some(&held));
    let job = JobBuilder::new("tests::ok").id("a").trigger(every(1000)).max_instances(2);
    let job = scheduler.add_job(job).unwrap();
    let runs: Vec<RunId> = (0..3).map(|_| job.run_now().unwrap()).collect();
    scheduler.step();
    assert_eq!(held.len(), 2, "the third waits for an instance to end");
    held.execute(0);
    scheduler.advance(TimeDelta::seconds(1));
    assert_eq!(held.execute_all(), 2);
    let mut ran: Vec<RunId> = records(&scheduler).iter().map(|run| run.run_id).collect();
    ran.reverse();
    assert_eq!(ran, runs);
}

#[test]
fn a_paused_job_runs_when_it_is_asked_for_and_stays_paused() {
    let scheduler = recording(None);
    let job = JobBuilder::new("tests::ok").id("a").trigger(every(10)).next_run_time(None);
    scheduler.add_job(job).unwrap();
    scheduler.run_now("a").unwrap();
    scheduler.step();
    assert_eq!(states(&scheduler), [(1, RunState::Ok)]);
    assert_eq!(scheduler.get_job("a").unwrap().unwrap().next_run_time().instant(), None);
}

#[test]
fn a_run_that_was_asked_for_is_never_too_late_and_is_tried_again() {
    let scheduler = recording(None);
    let fails_first = |context: &JobContext| -> Result<(), JobError> {
        if context.attempt() == 1 { Err(JobError::new("not yet")) } else { Ok(()) }
    };
    let retry = Retry::new(2).delay(Duration::from_secs(1));
    let job = JobBuilder::new(fails_first).id("a").trigger(every(1_000_000)).retry(retry);
    scheduler.add_job(job.misfire_grace_time(Duration::from_secs(1))).unwrap();
    scheduler.run_now("a").unwrap();
    scheduler.advance(TimeDelta::hours(3));
    scheduler.advance(TimeDelta::hours(3));
    assert_eq!(states(&scheduler), [(2, RunState::Ok), (1, RunState::Failed)]);
}

#[test]
fn what_can_t_be_asked_for_is_refused() {
    let scheduler = scheduler();
    let kind = |scheduler: &SteppedScheduler| scheduler.run_now("a").unwrap_err().kind();
    assert_eq!(kind(&scheduler), ErrorKind::NotRunning);
    scheduler.start().unwrap();
    assert_eq!(kind(&scheduler), ErrorKind::JobLookup);
    scheduler.add_jobstore("plain", TestStore::default()).unwrap();
    let job = JobBuilder::new("tests::ok").id("a").jobstore("plain").trigger(every(10));
    scheduler.add_job(job).unwrap();
    let error = scheduler.run_now(("plain", "a")).unwrap_err();
    assert_eq!((error.kind(), error.job_id()), (ErrorKind::Unsupported, Some("a")));
    assert!(error.to_string().contains("the store `plain` keeps no open runs"), "{error}");
    let error = scheduler.retry_run(RunId::new(scheduler.clock().now())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RunLookup);
}

/// A job that fails this often.
fn failing(times: u32) -> impl Fn(&JobContext) -> Result<(), JobError> + Clone {
    move |context: &JobContext| {
        if context.attempt() <= times { Err(JobError::new("no")) } else { Ok(()) }
    }
}

#[test]
fn a_run_that_failed_is_retried_as_another_attempt() {
    let scheduler = recording(None);
    let job = JobBuilder::new(failing(2)).id("a").trigger(every(10));
    scheduler.add_job(job).unwrap();
    scheduler.advance(TimeDelta::seconds(10));
    let failed = records(&scheduler).remove(0);
    scheduler.pause_job("a").unwrap();
    for attempt in 2..=3 {
        scheduler.manual_clock().advance(TimeDelta::hours(1));
        scheduler.retry_run(failed.run_id).unwrap();
        assert_eq!(states(&scheduler)[0], (attempt, RunState::Waiting));
        let error = scheduler.retry_run(failed.run_id).unwrap_err();
        assert_eq!((error.kind(), error.job_id()), (ErrorKind::RunState, Some("a")));
        assert!(error.to_string().contains("waits to be run"), "{error}");
        scheduler.step();
    }
    let records = records(&scheduler);
    let expected = [(3, RunState::Ok), (2, RunState::Failed), (1, RunState::Failed)];
    assert_eq!(states(&scheduler), expected);
    assert!(records.iter().all(|run| run.run_id == failed.run_id));
    assert!(records.iter().all(|run| run.scheduled_run_time == at(10)));

    let error = scheduler.retry_run(failed.run_id).unwrap_err();
    assert!(error.to_string().contains("succeeded, so it need not be retried"), "{error}");
    scheduler.repeat_run(failed.run_id).unwrap();
    scheduler.step();
    assert_eq!(states(&scheduler)[0], (4, RunState::Ok));

    // A page does not cut a run in two: the next one begins before it.
    for limit in 1..=4 {
        let page = scheduler.runs(&RunQuery::new().limit(limit)).unwrap();
        let attempts: Vec<u32> = page.iter().map(|run| run.attempt).collect();
        assert_eq!(attempts, [4, 3, 2, 1], "a page of {limit}");
    }
}

#[test]
fn a_run_that_has_not_ended_is_not_retried() {
    let held = HeldRuns::new(usize::MAX);
    let scheduler = recording(Some(&held));
    scheduler.add_job(JobBuilder::new("tests::ok").id("a").trigger(every(1000))).unwrap();
    let run = scheduler.run_now("a").unwrap();
    scheduler.step();
    let error = scheduler.repeat_run(run).unwrap_err();
    assert!(error.to_string().contains("has not ended, so it can't be retried"), "{error}");
}

#[test]
fn run_times_that_did_not_run_are_retried_one_by_one() {
    let scheduler = recording(None);
    let job = JobBuilder::new("tests::ok").id("a").trigger(every(10));
    let job = job.coalesce(Coalesce::Latest).misfire_grace_time(None);
    scheduler.add_job(job).unwrap();
    scheduler.advance(TimeDelta::seconds(40));
    let coalesced = |scheduler: &SteppedScheduler| {
        let query = RunQuery::new().state(RunState::Coalesced);
        scheduler.runs(&query).unwrap().remove(0)
    };
    let range = coalesced(&scheduler);
    let error = scheduler.retry_run(range.run_id).unwrap_err();
    assert!(error.to_string().contains("stands for 3 run times"), "{error}");
    // A single one.
    scheduler.advance(TimeDelta::seconds(20));
    let one = coalesced(&scheduler);
    assert_eq!(one.count, 1);
    scheduler.retry_run(one.run_id).unwrap();
    scheduler.step();
    let again = scheduler.runs(&RunQuery::new().run(one.run_id)).unwrap();
    assert_eq!((again[0].attempt, again[0].state), (2, RunState::Ok));
    assert_eq!(again[0].scheduled_run_time, at(50));
}

#[test]
fn a_run_of_a_removed_job_can_t_be_retried() {
    let scheduler = recording(None);
    scheduler.add_job(JobBuilder::new("tests::broken").id("a")).unwrap();
    scheduler.step();
    let failed = records(&scheduler).remove(0);
    let error = scheduler.retry_run(failed.run_id).unwrap_err();
    assert_eq!((error.kind(), error.job_id()), (ErrorKind::JobLookup, Some("a")));
}
