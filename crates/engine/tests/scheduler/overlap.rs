//! Runs that come due while the job has its maximum of running instances.

use std::time::Duration;

use apscheduler_core::Shutdown;
use apscheduler_core::config::Config;
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::job::{JobBuilder, Overlap};
use apscheduler_core::ledger::{History, Reason, RunQuery, RunState};
use apscheduler_core::time::Timestamp;
use apscheduler_testkit::SteppedScheduler;
use chrono::TimeDelta;

use crate::held_runs::HeldRuns;
use crate::recorder::{Recorder, at, every, scheduler};

fn start(overlap: Overlap) -> (SteppedScheduler, HeldRuns, Recorder) {
    let scheduler = scheduler();
    scheduler.configure(&Config::new().history(History::All)).unwrap();
    let held = HeldRuns::new(usize::MAX);
    scheduler.add_executor("held", held.clone()).unwrap();
    scheduler.start().unwrap();
    let job = JobBuilder::new("tests::ok").id("a").executor("held").trigger(every(10));
    let job = job.misfire_grace_time(Duration::from_secs(60));
    scheduler.add_job(job.overlap(overlap)).unwrap();
    let mask = EventMask::JOB_SUBMITTED | EventMask::JOB_EXECUTED | EventMask::JOB_MAX_INSTANCES;
    let events = Recorder::on(&scheduler, mask | EventMask::JOB_ERROR);
    (scheduler, held, events)
}

/// The run times of the events with this code.
fn of(events: &[Event], mask: EventMask) -> Vec<Timestamp> {
    let of = events.iter().filter(|event| mask.contains(event.code()));
    of.flat_map(|event| event.scheduled_run_times().to_vec()).collect()
}

const TEN: TimeDelta = TimeDelta::seconds(10);

#[test]
fn a_buffered_run_begins_when_an_instance_has_ended() {
    let (scheduler, held, events) = start(Overlap::BufferOne);
    for _ in 0..3 {
        scheduler.advance(TEN);
    }
    let before = events.take();
    assert_eq!(of(&before, EventMask::JOB_SUBMITTED), [at(10)]);
    assert_eq!(of(&before, EventMask::JOB_MAX_INSTANCES), [at(30)], "one may wait");
    scheduler.advance(TimeDelta::seconds(5));
    held.execute_all();
    assert_eq!(of(&events.take(), EventMask::JOB_EXECUTED), [at(10)]);
    scheduler.step();
    held.execute_all();
    let after = events.take();
    assert_eq!(of(&after, EventMask::JOB_SUBMITTED), [at(20)]);
    assert_eq!(of(&after, EventMask::JOB_EXECUTED), [at(20)]);
    let skipped = scheduler.runs(&RunQuery::new().state(RunState::Skipped)).unwrap();
    assert_eq!(skipped.len(), 1);
    assert_eq!((skipped[0].scheduled_run_time, skipped[0].reason), (at(30), Some(Reason::Limit)));
}

#[test]
fn buffered_runs_begin_in_order() {
    let (scheduler, held, events) = start(Overlap::BufferAll(2));
    for _ in 0..4 {
        scheduler.advance(TEN);
    }
    assert_eq!(of(&events.take(), EventMask::JOB_MAX_INSTANCES), [at(40)]);
    for _ in 0..3 {
        held.execute_all();
        scheduler.step();
    }
    assert_eq!(of(&events.take(), EventMask::JOB_EXECUTED), [at(10), at(20), at(30)]);
}

#[test]
fn runs_may_overlap_without_limit() {
    let (scheduler, held, events) = start(Overlap::Allow);
    for _ in 0..4 {
        scheduler.advance(TEN);
    }
    let events = events.take();
    assert_eq!(of(&events, EventMask::JOB_SUBMITTED).len(), 4);
    assert!(of(&events, EventMask::JOB_MAX_INSTANCES).is_empty());
    held.execute_all();
}

#[test]
fn a_shutdown_ends_buffered_runs() {
    let (scheduler, held, events) = start(Overlap::BufferOne);
    scheduler.advance(TEN);
    scheduler.advance(TEN);
    held.execute_all();
    events.take();
    // The run that waits has not been submitted yet.
    scheduler.shutdown(Shutdown::Wait).unwrap();
    let events = events.take();
    let [event] = &events[..] else { panic!("{events:?}") };
    let Event::JobError { error, .. } = event else { panic!("{event:?}") };
    assert!(error.to_string().contains("the scheduler was shut down"), "{error}");
    assert_eq!(event.scheduled_run_times(), [at(20)]);
}

#[test]
fn a_job_that_catches_up_waits_as_one_run() {
    let (scheduler, held, events) = start(Overlap::BufferOne);
    let changes = apscheduler_core::job::JobChanges::new().coalesce(false);
    scheduler.modify_job("a", &changes.misfire_grace_time(None)).unwrap();
    scheduler.advance(TEN);
    scheduler.advance(TimeDelta::seconds(50));
    held.execute_all();
    scheduler.step();
    held.execute_all();
    let expected: Vec<Timestamp> = (1..=6).map(|number| at(number * 10)).collect();
    let events = events.take();
    assert_eq!(of(&events, EventMask::JOB_EXECUTED), expected);
    assert!(of(&events, EventMask::JOB_MAX_INSTANCES).is_empty());
}
