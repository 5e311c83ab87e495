//! Due jobs run once, and advance.

use apscheduler_core::event::EventMask;
use apscheduler_core::job::{JobBuilder, JobChanges};
use apscheduler_engine::job::NextRunTime;
use chrono::TimeDelta;

use crate::recorder::{Recorder, at, every, scheduler};

const RUNS: EventMask =
    EventMask::JOB_EXECUTED.union(EventMask::JOB_MISSED).union(EventMask::JOB_ERROR);

#[test]
fn process_jobs_empty() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    assert_eq!(scheduler.step(), None);
}

#[test]
fn a_job_runs_when_it_is_due_and_advances() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    let runs = Recorder::on(&scheduler, RUNS);
    scheduler.add_job(JobBuilder::new("tests::ok").id("a").trigger(every(10))).unwrap();
    assert_eq!(scheduler.step(), Some(at(10)));
    assert!(runs.take().is_empty());
    assert_eq!(scheduler.advance(TimeDelta::seconds(10)), Some(at(20)));
    assert_eq!(runs.names(), ["JOB_EXECUTED a"]);
    assert_eq!(scheduler.step(), Some(at(20)), "another step runs nothing twice");
    assert!(runs.take().is_empty());
}

#[test]
fn a_finished_job_is_removed() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    let events = Recorder::on(&scheduler, RUNS | EventMask::JOB_REMOVED);
    scheduler
        .add_job(JobBuilder::new("tests::ok").id("a").trigger(every(10).end_date(at(20))))
        .unwrap();
    scheduler.advance(TimeDelta::seconds(10));
    assert_eq!(scheduler.advance(TimeDelta::seconds(10)), None);
    assert_eq!(events.names(), ["JOB_EXECUTED a", "JOB_EXECUTED a", "JOB_REMOVED a"]);
    assert!(scheduler.get_jobs().unwrap().is_empty());
}

#[test]
fn a_paused_job_does_not_run() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    let runs = Recorder::on(&scheduler, RUNS);
    scheduler.add_job(JobBuilder::new("tests::ok").trigger(every(10)).next_run_time(None)).unwrap();
    assert_eq!(scheduler.advance(TimeDelta::days(1)), None);
    assert!(runs.take().is_empty());
}

#[test]
fn next_run_time_overrides_the_trigger() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    let runs = Recorder::on(&scheduler, RUNS);
    scheduler
        .add_job(JobBuilder::new("tests::ok").trigger(every(10)).next_run_time(at(3)))
        .unwrap();
    assert_eq!(scheduler.advance(TimeDelta::seconds(3)), Some(at(10)));
    assert_eq!(runs.take()[0].scheduled_run_times(), [at(3)]);
}

#[test]
fn a_modified_job_runs_at_its_new_time() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    scheduler.add_job(JobBuilder::new("tests::ok").id("a").trigger(every(10))).unwrap();
    scheduler.modify_job("a", &JobChanges::new().next_run_time(at(5))).unwrap();
    assert_eq!(scheduler.step(), Some(at(5)));
}

#[test]
fn step_returns_the_earliest_run_time_of_all_stores() {
    let scheduler = scheduler();
    scheduler.add_jobstore("other", "memory").unwrap();
    scheduler.start().unwrap();
    scheduler.add_job(JobBuilder::new("tests::ok").trigger(every(20))).unwrap();
    scheduler.add_job(JobBuilder::new("tests::ok").trigger(every(10)).jobstore("other")).unwrap();
    assert_eq!(scheduler.step(), Some(at(10)));
}

#[test]
fn wait_time_across_dst_transition() {
    let scheduler = scheduler();
    scheduler.manual_clock().set("2026-03-29T01:59:59+01:00".parse().unwrap());
    scheduler.start().unwrap();
    let cron = apscheduler_core::trigger::TriggerConfig::new("cron")
        .option("second", 0)
        .option("timezone", "Europe/Berlin");
    scheduler.add_job(JobBuilder::new("tests::ok").trigger(cron)).unwrap();
    // The wall clock goes from 01:59:59 to 03:00:00, which is one second.
    let next = scheduler.step().unwrap();
    assert_eq!(next.to_rfc3339(), "2026-03-29T01:00:00+00:00");
}

#[test]
fn a_miss_after_downtime_or_a_pause_is_not_a_late_wake_up() {
    let scheduler = scheduler();
    let runs = Recorder::on(&scheduler, RUNS);
    let reason = || match &runs.take()[..] {
        [apscheduler_core::event::Event::JobMissed { missed, .. }] => missed.reason().into_owned(),
        events => panic!("expected one JOB_MISSED, found {events:?}"),
    };
    // Like a job kept by a durable store.
    scheduler
        .add_job(JobBuilder::new("tests::ok").trigger(every(100)).next_run_time(at(-60)))
        .unwrap();
    scheduler.manual_clock().advance(TimeDelta::seconds(5));
    scheduler.start().unwrap();
    scheduler.step();
    assert_eq!(reason(), "the scheduler was not running then");
    scheduler.pause().unwrap();
    scheduler.advance(TimeDelta::seconds(120));
    scheduler.resume().unwrap();
    scheduler.step();
    assert_eq!(reason(), "the scheduler was not running then");
}

#[test]
fn a_late_run_is_missed_with_a_reason() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    let runs = Recorder::on(&scheduler, RUNS);
    scheduler.add_job(JobBuilder::new("tests::ok").id("a").trigger(every(10))).unwrap();
    scheduler.step();
    scheduler.advance(TimeDelta::milliseconds(11_001));
    let events = runs.take();
    let apscheduler_core::event::Event::JobMissed { missed, scheduled_run_time, .. } = &events[0]
    else {
        panic!("expected JOB_MISSED, found {events:?}")
    };
    assert_eq!((missed.lateness.as_millis(), *scheduled_run_time), (1001, at(10)));
    assert_eq!(missed.reason(), "the scheduler woke up late");
    assert_eq!(missed.idle, std::time::Duration::ZERO);
    assert_eq!(scheduler.get_job("a").unwrap().unwrap().next_run_time(), NextRunTime::At(at(20)));
}

#[test]
fn a_run_within_its_grace_time_is_not_missed() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    let runs = Recorder::on(&scheduler, RUNS);
    scheduler.add_job(JobBuilder::new("tests::ok").id("a").trigger(every(10))).unwrap();
    scheduler
        .add_job(JobBuilder::new("tests::ok").id("b").trigger(every(10)).misfire_grace_time(None))
        .unwrap();
    scheduler.advance(TimeDelta::seconds(11));
    assert_eq!(runs.names().len(), 2);
    scheduler.advance(TimeDelta::seconds(3600 - 1 + 5));
    let mut names = runs.names();
    names.sort();
    assert_eq!(names, ["JOB_EXECUTED b", "JOB_MISSED a"]);
}

#[test]
fn a_clock_that_is_set_back_runs_nothing_twice() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    let runs = Recorder::on(&scheduler, RUNS);
    scheduler.add_job(JobBuilder::new("tests::ok").trigger(every(10))).unwrap();
    scheduler.advance(TimeDelta::seconds(10));
    scheduler.advance(TimeDelta::seconds(-8));
    assert_eq!(scheduler.advance(TimeDelta::seconds(8)), Some(at(20)));
    assert_eq!(runs.take().len(), 1);
}

#[test]
fn a_wait_of_many_years_does_not_overflow() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    let far = "9999-12-31T23:59:59.999999Z".parse().unwrap();
    scheduler.add_job(JobBuilder::new("tests::ok").next_run_time(Some(far))).unwrap();
    assert_eq!(scheduler.step(), Some(far));
}
