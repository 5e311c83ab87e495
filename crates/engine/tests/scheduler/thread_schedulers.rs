//! The behavior common to all scheduler types, tested on the two that run on threads.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use apscheduler_core::ErrorKind;
use apscheduler_core::Shutdown;
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::job::JobBuilder;
use apscheduler_core::registry::Registry;
use apscheduler_core::trigger::TriggerConfig;
use apscheduler_engine::Scheduler;
use apscheduler_engine::schedulers::{BackgroundScheduler, BlockingScheduler};
use apscheduler_testkit::ManualClock;
use apscheduler_testkit::TestPlugins;
use chrono::TimeDelta;
use serde_json::json;

use crate::recorder::{START, fill};

fn registry() -> Registry {
    let registry = apscheduler_testkit::registry();
    fill(&registry);
    registry
}

/// A scheduler that is prepared, started somehow, and acted upon.
fn check(
    prepare: impl Fn(&Scheduler),
    act: impl Fn(&Scheduler, &ManualClock),
    expected: &[EventMask],
) {
    let clock = ManualClock::at(START);
    let background: BackgroundScheduler<TestPlugins> = BackgroundScheduler::builder()
        .registry(registry())
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    let events = listen(&background);
    prepare(&background);
    background.start().unwrap();
    act(&background, &clock);
    expect(&events, expected);
    if background.running() {
        background.shutdown(Shutdown::Wait).unwrap();
    }

    let clock = ManualClock::at(START);
    let blocking: BlockingScheduler<TestPlugins> = BlockingScheduler::builder()
        .registry(registry())
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    let events = listen(&blocking);
    prepare(&blocking);
    let handle = blocking.handle();
    let thread = std::thread::spawn(move || blocking.start());
    while !handle.running() {
        std::thread::yield_now();
    }
    act(&handle, &clock);
    expect(&events, expected);
    if handle.running() {
        handle.shutdown(Shutdown::Wait).unwrap();
    }
    thread.join().unwrap().unwrap();
}

fn listen(scheduler: &Scheduler) -> Receiver<Event> {
    scheduler.add_executor("default", "debug").unwrap();
    let (sender, receiver) = channel();
    scheduler.add_listener(EventMask::ALL, move |event| drop(sender.send(event.clone())));
    receiver
}

fn expect(events: &Receiver<Event>, expected: &[EventMask]) {
    for code in expected {
        let event = events.recv_timeout(Duration::from_secs(20)).unwrap();
        assert_eq!(event.code(), *code, "{event:?}");
        if let Event::JobExecuted { retval, .. } = &event {
            assert_eq!(**retval, json!(3));
        }
    }
}

fn job(run_date: &str) -> JobBuilder {
    let date = TriggerConfig::new("date").option("run_date", run_date).option("timezone", "UTC");
    JobBuilder::new("tests::add").args([json!(1), json!(2)]).trigger(date)
}

#[test]
fn add_pending_job() {
    check(
        |scheduler| drop(scheduler.add_job(job("2027-01-01T00:00:00Z")).unwrap()),
        |_, _| {},
        &[
            EventMask::JOBSTORE_ADDED,
            EventMask::JOB_ADDED,
            EventMask::SCHEDULER_STARTED,
            EventMask::JOB_SUBMITTED,
            EventMask::JOB_STARTED,
            EventMask::JOB_EXECUTED,
            EventMask::JOB_REMOVED,
        ],
    );
}

#[test]
fn add_live_job() {
    check(
        |_| {},
        |scheduler, clock| {
            scheduler.add_job(job("2027-01-01T00:00:01Z")).unwrap();
            clock.advance(TimeDelta::seconds(1));
        },
        &[
            EventMask::JOBSTORE_ADDED,
            EventMask::SCHEDULER_STARTED,
            EventMask::JOB_ADDED,
            EventMask::JOB_SUBMITTED,
            EventMask::JOB_STARTED,
            EventMask::JOB_EXECUTED,
            EventMask::JOB_REMOVED,
        ],
    );
}

#[test]
fn shutdown() {
    check(
        |_| {},
        |scheduler, _| scheduler.shutdown(Shutdown::Wait).unwrap(),
        &[EventMask::JOBSTORE_ADDED, EventMask::SCHEDULER_STARTED, EventMask::SCHEDULER_SHUTDOWN],
    );
}

#[test]
fn immediate_shutdown() {
    let background: BackgroundScheduler<TestPlugins> = BackgroundScheduler::new();
    let blocking: BlockingScheduler<TestPlugins> = BlockingScheduler::new();
    for scheduler in [&*background, &*blocking] {
        assert_eq!(scheduler.shutdown(Shutdown::Wait).unwrap_err().kind(), ErrorKind::NotRunning);
    }
}
