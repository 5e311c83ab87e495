//! The schedulers that run on threads, with a real event loop and a manual clock.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use apscheduler_core::ErrorKind;
use apscheduler_core::Shutdown;
use apscheduler_core::event::EventMask;
use apscheduler_core::job::JobBuilder;
use apscheduler_engine::schedulers::{BackgroundScheduler, BlockingScheduler};
use apscheduler_testkit::ManualClock;
use apscheduler_testkit::TestPlugins;
use chrono::TimeDelta;

use crate::recorder::{START, every};

fn background(clock: &ManualClock) -> BackgroundScheduler {
    let scheduler = BackgroundScheduler::builder()
        .registry(apscheduler_testkit::registry())
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    scheduler.add_executor("default", "debug").unwrap();
    scheduler
}

#[test]
fn a_moved_clock_wakes_the_scheduler() {
    let clock = ManualClock::at(START);
    let scheduler = background(&clock);
    let (sender, receiver) = channel();
    scheduler
        .add_job(JobBuilder::new(move || sender.send(()).is_ok()).trigger(every(3600)))
        .unwrap();
    scheduler.start().unwrap();
    for _ in 0..5 {
        clock.advance(TimeDelta::hours(1));
        receiver.recv_timeout(Duration::from_secs(20)).unwrap();
    }
    scheduler.shutdown(Shutdown::Wait).unwrap();
}

#[test]
fn a_job_added_from_another_thread_starts_at_once() {
    let scheduler = background(&ManualClock::at(START));
    scheduler.start().unwrap();
    let (sender, receiver) = channel();
    let handle = scheduler.handle();
    std::thread::spawn(move || {
        handle.add_job(JobBuilder::new(move || sender.send(()).is_ok())).unwrap();
    });
    receiver.recv_timeout(Duration::from_secs(20)).unwrap();
}

#[test]
fn a_missing_thread_pool_is_explained() {
    let scheduler: BackgroundScheduler<TestPlugins> = BackgroundScheduler::new();
    let error = scheduler.start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownPlugin);
    assert!(error.to_string().contains("no executor has the alias `default`"), "{error}");
    assert!(!scheduler.running());
}

#[test]
fn dropping_a_background_scheduler_stops_it() {
    let scheduler = background(&ManualClock::at(START));
    let (sender, receiver) = channel();
    scheduler.add_listener(EventMask::SCHEDULER_SHUTDOWN, move |_| sender.send(()).unwrap());
    scheduler.start().unwrap();
    drop(scheduler);
    receiver.recv_timeout(Duration::from_secs(20)).unwrap();
}

#[test]
fn a_blocking_scheduler_returns_when_another_thread_shuts_it_down() {
    let scheduler: BlockingScheduler<TestPlugins> = BlockingScheduler::new();
    scheduler.add_executor("default", "debug").unwrap();
    let handle = scheduler.handle();
    let (sender, receiver) = channel();
    scheduler.add_listener(EventMask::SCHEDULER_STARTED, move |_| sender.send(()).unwrap());
    let stopper = std::thread::spawn(move || {
        receiver.recv().unwrap();
        handle.shutdown(Shutdown::Wait).unwrap();
    });
    scheduler.start().unwrap();
    stopper.join().unwrap();
    assert!(!scheduler.running());
}

#[test]
fn ten_schedulers_run_in_one_program() {
    let (sender, receiver) = channel();
    let schedulers: Vec<BackgroundScheduler> =
        (0..10).map(|_| background(&ManualClock::at(START))).collect();
    for scheduler in &schedulers {
        let sender = sender.clone();
        scheduler.add_job(JobBuilder::new(move || sender.send(()).is_ok())).unwrap();
        scheduler.start().unwrap();
    }
    for _ in &schedulers {
        receiver.recv_timeout(Duration::from_secs(20)).unwrap();
    }
}
