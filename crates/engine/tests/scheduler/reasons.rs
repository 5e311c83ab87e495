//! Why a run time is missed: each reason, in the event and in the record.

use apscheduler_core::OnRemove;
use apscheduler_core::config::Config;
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::job::JobBuilder;
use apscheduler_core::ledger::{History, Reason, RunQuery, RunState};
use apscheduler_core::store::{JobPayload, JobStore as _, NewRecord};
use apscheduler_executor_debug::DebugExecutor;
use apscheduler_testkit::{SteppedScheduler, TestStore};
use chrono::TimeDelta;

use crate::held_runs::HeldRuns;
use crate::recorder::{Recorder, at, every, scheduler};

fn started(config: Config) -> SteppedScheduler {
    let scheduler = scheduler();
    scheduler.configure(&config.history(History::All)).unwrap();
    scheduler.start().unwrap();
    scheduler
}

/// The job `a`, due at 10 s, and then each 1000 s.
fn add(scheduler: &SteppedScheduler) {
    let job = JobBuilder::new("tests::ok").id("a").trigger(every(1000)).next_run_time(at(10));
    scheduler.add_job(job).unwrap();
}

/// The reasons of the run times that were missed, in the ledger.
fn reasons(scheduler: &SteppedScheduler) -> Vec<Reason> {
    let missed = scheduler.runs(&RunQuery::new().job("a").state(RunState::Missed)).unwrap();
    missed.iter().filter_map(|record| record.reason).collect()
}

/// The reasons of the events, in words.
fn words(events: &Recorder) -> Vec<String> {
    let words = |event: &Event| match event {
        Event::JobMissed { missed, .. } => Some(missed.reason().into_owned()),
        _ => None,
    };
    events.take().iter().filter_map(words).collect()
}

#[test]
fn the_scheduler_woke_up_late() {
    let scheduler = started(Config::new().executor("default", "debug"));
    add(&scheduler);
    let events = Recorder::on(&scheduler, EventMask::JOB_MISSED);
    scheduler.turn();
    scheduler.manual_clock().advance(TimeDelta::seconds(20));
    scheduler.turn();
    assert_eq!(reasons(&scheduler), [Reason::Late]);
    assert_eq!(words(&events), ["the scheduler woke up late"]);
}

#[test]
fn the_clock_was_set_forward() {
    let scheduler = started(Config::new().executor("default", "debug"));
    add(&scheduler);
    let events = Recorder::on(&scheduler, EventMask::JOB_MISSED);
    scheduler.turn();
    scheduler.manual_clock().adjust(TimeDelta::seconds(20));
    scheduler.turn();
    assert_eq!(reasons(&scheduler), [Reason::ClockJump]);
    assert!(words(&events)[0].starts_with("the clock was set forward past its run time"));
    // The range that it left out has passed.
    scheduler.manual_clock().advance(TimeDelta::seconds(2000));
    scheduler.turn();
    assert_eq!(reasons(&scheduler), [Reason::Late, Reason::ClockJump]);
}

#[test]
fn the_executor_was_full() {
    let held = HeldRuns::new(1);
    let scheduler = started(Config::new().executor("default", held.clone()));
    add(&scheduler);
    let events = Recorder::on(&scheduler, EventMask::JOB_MISSED);
    let other = JobBuilder::new("tests::ok").id("b").trigger(every(1000)).next_run_time(at(9));
    let other = other.misfire_grace_time(None);
    scheduler.add_job(other).unwrap();
    scheduler.advance(TimeDelta::seconds(9));
    scheduler.advance(TimeDelta::seconds(1));
    assert_eq!(held.len(), 1, "the job `a` is left in the store");
    scheduler.manual_clock().advance(TimeDelta::seconds(20));
    held.execute(0);
    scheduler.step();
    held.execute(0);
    assert_eq!(reasons(&scheduler), [Reason::PoolFull]);
    assert_eq!(words(&events), ["the executor was full"]);
}

#[test]
fn no_executor_had_the_alias() {
    let scheduler = started(Config::new().executor("default", "debug"));
    scheduler.add_executor("other", DebugExecutor::new()).unwrap();
    let job = JobBuilder::new("tests::ok").id("a").trigger(every(1000)).executor("other");
    scheduler.add_job(job.next_run_time(at(10))).unwrap();
    let events = Recorder::on(&scheduler, EventMask::JOB_MISSED);
    scheduler.remove_executor("other", OnRemove::ShutDown).unwrap();
    scheduler.advance(TimeDelta::seconds(10));
    scheduler.advance(TimeDelta::seconds(20));
    assert!(reasons(&scheduler).is_empty(), "it may run yet");
    scheduler.add_executor("other", DebugExecutor::new()).unwrap();
    scheduler.step();
    assert_eq!(reasons(&scheduler), [Reason::NoExecutor]);
    assert_eq!(words(&events), ["no executor had the alias that the job names"]);
}

#[test]
fn the_job_could_not_be_restored() {
    let scheduler = scheduler();
    let store = TestStore::default();
    scheduler.add_jobstore("default", store.clone()).unwrap();
    scheduler.start().unwrap();
    let events = Recorder::on(&scheduler, EventMask::JOB_MISSED);
    let text = r#"{"version":1,"id":"a","name":"n","func":"tests::later","executor":"default",
        "trigger":{"type":"interval","seconds":1000,"start_date":"2027-01-01T00:00:10Z"},
        "misfire_grace_time":1,"coalesce":true,"max_instances":1}"#;
    let record = NewRecord::new("a", Some(at(10)), JobPayload::Encoded(text.into()));
    store.add_jobs(vec![record]).unwrap();
    scheduler.advance(TimeDelta::seconds(10));
    scheduler.registry().register_function("tests::later", || ()).unwrap();
    // Causes a pass.
    scheduler.add_job(JobBuilder::new("tests::ok").id("b").next_run_time(None)).unwrap();
    scheduler.advance(TimeDelta::seconds(20));
    assert_eq!(words(&events), ["the job could not be restored"]);
}
