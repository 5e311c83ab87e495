//! Runs in the thread pool, as users see them.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use apscheduler::prelude::*;
use apscheduler_testkit::ManualClock;
use chrono::TimeDelta;
use serde_json::json;

/// Returns a running scheduler with a manual clock, and its events about ended and skipped runs.
fn started() -> (BackgroundScheduler, ManualClock, Receiver<Event>) {
    let clock = ManualClock::at("2027-01-01T00:00:00Z");
    let registry = apscheduler::builtin::new_registry();
    let scheduler = BackgroundScheduler::builder()
        .registry(registry)
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    scheduler.add_jobstore("test_jobstore", "memory").unwrap();
    let (sender, receiver) = channel();
    let outcomes = EventMask::JOB_EXECUTED
        | EventMask::JOB_MISSED
        | EventMask::JOB_ERROR
        | EventMask::JOB_MAX_INSTANCES;
    scheduler.add_listener(outcomes, move |event| drop(sender.send(event.clone())));
    scheduler.start().unwrap();
    (scheduler, clock, receiver)
}

fn next(events: &Receiver<Event>) -> Event {
    let event = events.recv_timeout(Duration::from_secs(30)).unwrap();
    if let Some(job) = event.job() {
        assert_eq!((job.id(), job.jobstore()), ("foo", Some("test_jobstore")));
    }
    event
}

fn job<M>(function: impl apscheduler::function::IntoJobFunction<M>) -> JobBuilder {
    JobBuilder::new(function).id("foo").jobstore("test_jobstore")
}

#[test]
fn submit_job_executed() {
    let (scheduler, clock, events) = started();
    scheduler.add_job(job(|| 5)).unwrap();
    let event = next(&events);
    let Event::JobExecuted { retval, scheduled_run_time, .. } = &event else { panic!("{event:?}") };
    assert_eq!(**retval, json!(5));
    assert_eq!(*scheduled_run_time, apscheduler::time::Clock::now(&clock));
}

#[test]
fn submit_job_missed() {
    let (scheduler, _, events) = started();
    let past = "1970-01-01T00:00:00Z".parse::<Timestamp>().unwrap();
    scheduler.add_job(job(|| ()).trigger(DateTrigger::at(past))).unwrap();
    let event = next(&events);
    assert!(matches!(event, Event::JobMissed { .. }), "{event:?}");
}

#[test]
fn submit_job_error() {
    let (scheduler, _, events) = started();
    scheduler.add_job(job(|| Err::<(), _>("test failure"))).unwrap();
    let event = next(&events);
    let Event::JobError { error, .. } = &event else { panic!("{event:?}") };
    assert_eq!((error.to_string().as_str(), error.is_panic()), ("test failure", false));
}

/// There may be thousands: a store returns many at once.
#[test]
fn all_fires_without_a_free_instance_are_reported_at_once() {
    const FIRES: i64 = 2500;
    let clock = ManualClock::at("2027-01-01T00:00:00Z");
    let (arrived, arrivals) = channel();
    let (open, gate) = channel::<()>();
    let gate = Mutex::new(gate);
    let registry = apscheduler::builtin::new_registry();
    let hold = move || {
        let _ = arrived.send(());
        let _ = gate.lock().unwrap().recv();
    };
    registry.register_function("tests::hold", hold).unwrap();
    let scheduler = BackgroundScheduler::builder()
        .registry(registry)
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    scheduler.add_jobstore("default", SqliteJobStore::in_memory()).unwrap();
    let (sender, skipped) = channel();
    scheduler.add_listener(EventMask::JOB_MAX_INSTANCES, move |event| {
        let _ = sender.send(event.scheduled_run_times().len());
    });
    let every_second = IntervalTrigger::every(Duration::from_secs(1))
        .start_date(apscheduler::time::Clock::now(&clock));
    let job = JobBuilder::new("tests::hold").trigger(every_second).coalesce(false);
    scheduler.add_job(job.misfire_grace_time(None)).unwrap();
    scheduler.start().unwrap();
    arrivals.recv_timeout(Duration::from_secs(30)).unwrap();
    scheduler.pause().unwrap();
    clock.set(apscheduler::time::Clock::now(&clock) + TimeDelta::seconds(FIRES));
    scheduler.resume().unwrap();
    let mut told = 0;
    while told < usize::try_from(FIRES).unwrap() {
        told += skipped.recv_timeout(Duration::from_secs(30)).unwrap();
    }
    drop(open);
    scheduler.shutdown(Shutdown::Wait).unwrap();
}

#[test]
fn max_instances() {
    let (scheduler, clock, events) = started();
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let closed = Arc::clone(&gate);
    let wait = move || {
        let mut open = closed.0.lock().unwrap();
        while !*open {
            open = closed.1.wait(open).unwrap();
        }
        "test"
    };
    let start = apscheduler::time::Clock::now(&clock);
    let every_second = IntervalTrigger::every(Duration::from_secs(1)).start_date(start);
    scheduler
        .add_job(job(wait).trigger(every_second).max_instances(2).misfire_grace_time(None))
        .unwrap();
    // The first and the second run are blocked; the third finds no free instance.
    let at = |second| {
        move |events: &Receiver<Event>| {
            let event = next(events);
            assert_eq!(event.scheduled_run_times(), [start + TimeDelta::seconds(second)]);
            event
        }
    };
    while scheduler.executor("default").unwrap().load().running < 2 {
        std::thread::sleep(Duration::from_millis(5));
        if scheduler.executor("default").unwrap().load().running == 1 {
            clock.set(start + TimeDelta::seconds(1));
        }
    }
    clock.set(start + TimeDelta::seconds(2));
    let skipped = at(2)(&events);
    assert!(matches!(skipped, Event::JobMaxInstances { .. }), "{skipped:?}");
    *gate.0.lock().unwrap() = true;
    gate.1.notify_all();
    for _ in 0..2 {
        let event = next(&events);
        let Event::JobExecuted { retval, .. } = &event else { panic!("{event:?}") };
        assert_eq!(**retval, json!("test"));
    }
    scheduler.shutdown(Shutdown::Wait).unwrap();
}
