//! Runs that are cancelled.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use apscheduler_core::ErrorKind;
use apscheduler_core::config::Config;
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::function::{JobContext, JobError};
use apscheduler_core::job::{JobBuilder, Retry};
use apscheduler_core::ledger::{History, OpenQuery, RunQuery, RunRecord, RunState};
use apscheduler_core::run::RunId;
use apscheduler_engine::{Cancelling, JobContextExt as _};
use apscheduler_testkit::SteppedScheduler;
use chrono::TimeDelta;

use crate::common_store::CommonStore;
use crate::held_runs::HeldRuns;
use crate::recorder::{Recorder, at, every, scheduler};

const LEASE: Duration = Duration::from_secs(60);

/// Returns a running scheduler whose runs are held.
fn holding(store: &CommonStore) -> (SteppedScheduler, HeldRuns) {
    let (scheduler, held) = (scheduler(), HeldRuns::new(usize::MAX));
    let config = Config::new()
        .history(History::All)
        .lease(LEASE)
        .jobstore("default", store.clone())
        .executor("default", held.clone());
    scheduler.configure(&config).unwrap();
    scheduler.start().unwrap();
    (scheduler, held)
}

/// A job that is not due, which counts its calls.
fn counting(scheduler: &SteppedScheduler) -> Arc<AtomicU32> {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let function = move || counted.fetch_add(1, Ordering::SeqCst);
    let job = JobBuilder::new(function).id("a").trigger(every(1_000_000));
    scheduler.add_job(job).unwrap();
    calls
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

fn errors(events: &Recorder) -> Vec<String> {
    let text = |event: &Event| match event {
        Event::JobError { error, .. } => Some(error.text()),
        _ => None,
    };
    events.take().iter().filter_map(text).collect()
}

#[test]
fn a_run_that_waits_ends() {
    let (scheduler, held) = holding(&CommonStore::default());
    let calls = counting(&scheduler);
    let run = scheduler.run_now("a").unwrap();
    assert_eq!(scheduler.cancel_run(run).unwrap(), Cancelling::Ended);
    scheduler.step();
    assert_eq!((held.len(), open_runs(&scheduler)), (0, 0));
    let record = records(&scheduler).remove(0);
    assert_eq!((record.run_id, record.state), (run, RunState::Cancelled));
    assert!(record.error.unwrap().contains("before it began"));
    assert_eq!(record.ended, Some(at(0)));
    let error = scheduler.cancel_run(run).unwrap_err();
    assert_eq!((error.kind(), error.job_id()), (ErrorKind::RunState, Some("a")));
    assert!(error.to_string().contains("has ended as cancelled at 2027-01-01"), "{error}");
    // It can be retried.
    scheduler.retry_run(run).unwrap();
    scheduler.step();
    held.execute_all();
    assert_eq!(states(&scheduler), [(2, RunState::Ok), (1, RunState::Cancelled)]);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[test]
fn a_run_that_waits_for_a_worker_does_not_begin() {
    let (scheduler, held) = holding(&CommonStore::default());
    let calls = counting(&scheduler);
    let events = Recorder::on(&scheduler, EventMask::JOB_ERROR | EventMask::JOB_STARTED);
    let run = scheduler.run_now("a").unwrap();
    scheduler.step();
    assert_eq!(scheduler.cancel_run(run).unwrap(), Cancelling::Told);
    assert_eq!(held.execute_all(), 1);
    assert_eq!(errors(&events), ["it was cancelled on request, before it began"]);
    assert_eq!(states(&scheduler), [(1, RunState::Cancelled)]);
    assert_eq!((open_runs(&scheduler), scheduler.instances()), (0, 0));
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

/// A function that cancels its own run, and then succeeds or fails.
fn cancelled(fails: bool) -> impl Fn(&JobContext) -> Result<&'static str, JobError> {
    move |context: &JobContext| {
        assert!(!context.cancellation().is_cancelled());
        let cancelling = context.scheduler().unwrap().cancel_run(context.run_id());
        assert_eq!(cancelling?, Cancelling::Told);
        assert!(context.cancellation().is_cancelled());
        if fails { Err(JobError::new("it had to stop")) } else { Ok("done all the same") }
    }
}

#[test]
fn a_run_that_fails_because_it_was_cancelled_is_not_tried_again() {
    let (scheduler, held) = holding(&CommonStore::default());
    let events = Recorder::on(&scheduler, EventMask::JOB_ERROR);
    let retry = Retry::new(5).delay(Duration::from_secs(1));
    let job = JobBuilder::new(cancelled(true)).id("a").retry(retry);
    scheduler.add_job(job).unwrap();
    scheduler.step();
    held.execute_all();
    assert_eq!(errors(&events), ["it was cancelled on request: it had to stop"]);
    assert_eq!(states(&scheduler), [(1, RunState::Cancelled)]);
    assert_eq!(open_runs(&scheduler), 0);
}

#[test]
fn a_run_that_succeeds_although_it_was_cancelled_is_ok() {
    let (scheduler, held) = holding(&CommonStore::default());
    scheduler.add_job(JobBuilder::new(cancelled(false)).id("a")).unwrap();
    scheduler.step();
    held.execute_all();
    assert_eq!(states(&scheduler), [(1, RunState::Ok)]);
}

#[test]
fn one_run_time_of_several_is_cancelled() {
    let (scheduler, held) = holding(&CommonStore::default());
    let events = Recorder::on(&scheduler, EventMask::JOB_SUBMITTED);
    let job = JobBuilder::new("tests::ok").id("a").trigger(every(10)).coalesce(false);
    scheduler.add_job(job.misfire_grace_time(None)).unwrap();
    scheduler.advance(TimeDelta::seconds(30));
    let runs: Vec<RunId> = events.take()[0].run_ids().collect();
    assert_eq!(runs.len(), 3);
    scheduler.cancel_run(runs[1]).unwrap();
    held.execute_all();
    let states: Vec<_> = records(&scheduler).iter().map(|run| (run.run_id, run.state)).collect();
    let expected =
        [(runs[2], RunState::Ok), (runs[1], RunState::Cancelled), (runs[0], RunState::Ok)];
    assert_eq!(states, expected);
}

#[test]
fn a_run_of_another_scheduler_is_cancelled_by_its_owner() {
    let store = CommonStore::default();
    let (owner, held) = holding(&store);
    let (other, _) = holding(&store);
    let calls = counting(&owner);
    let run = owner.run_now("a").unwrap();
    owner.step();
    let asked = other.cancel_run(run).unwrap();
    let owner_id = store_owner(&owner);
    assert_eq!(asked, Cancelling::Asked(owner_id));
    assert_eq!(other.cancel_run(run).unwrap(), asked, "it may be asked again");
    // The next sign of life.
    owner.manual_clock().advance(TimeDelta::from_std(LEASE / 6).unwrap());
    owner.turn();
    held.execute_all();
    assert_eq!(states(&owner), [(1, RunState::Cancelled)]);
    assert_eq!((open_runs(&owner), calls.load(Ordering::SeqCst)), (0, 0));
}

/// The owner of the only open run.
fn store_owner(scheduler: &SteppedScheduler) -> apscheduler_core::run::OwnerId {
    let store = scheduler.jobstore("default").unwrap();
    store.ledger().unwrap().open_runs(&OpenQuery::new()).unwrap()[0].owner
}

#[test]
fn an_attempt_that_fails_before_its_owner_knows_is_not_tried_again() {
    let store = CommonStore::default();
    let (owner, held) = holding(&store);
    let (other, _) = holding(&store);
    let retry = Retry::new(3).delay(Duration::from_secs(1));
    let job = JobBuilder::new("tests::broken").id("a").trigger(every(1_000_000)).retry(retry);
    owner.add_job(job).unwrap();
    let run = owner.run_now("a").unwrap();
    owner.step();
    other.cancel_run(run).unwrap();
    held.execute_all();
    assert_eq!(states(&owner), [(1, RunState::Failed)]);
    assert_eq!(open_runs(&owner), 0);
}

#[test]
fn a_run_that_is_put_back_although_it_was_cancelled_ends() {
    let store = CommonStore::default();
    let (owner, held) = holding(&store);
    counting(&owner);
    let [first, second] = [0; 2].map(|_| owner.run_now("a").unwrap());
    owner.step();
    assert_eq!(held.len(), 1, "the second waits for an instance to end");
    assert_eq!(owner.cancel_run(second).unwrap(), Cancelling::Ended);
    owner.advance(TimeDelta::seconds(2));
    held.execute_all();
    owner.advance(TimeDelta::seconds(2));
    let states: Vec<_> = records(&owner).iter().map(|run| (run.run_id, run.state)).collect();
    assert_eq!(states, [(second, RunState::Cancelled), (first, RunState::Ok)]);
}

#[test]
fn what_is_not_known_can_t_be_cancelled() {
    let (scheduler, _) = holding(&CommonStore::default());
    let error = scheduler.cancel_run(RunId::new(scheduler.clock().now())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RunLookup);
    assert!(error.to_string().contains("no store knows the run"), "{error}");
}
