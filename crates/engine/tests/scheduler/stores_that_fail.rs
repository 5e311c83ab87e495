//! No error of a store ends the loop, and no unavailable store delays another.

use std::cell::RefCell;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use apscheduler_core::Shutdown;
use apscheduler_core::config::Config;
use apscheduler_core::event::EventMask;
use apscheduler_core::job::JobBuilder;
use apscheduler_engine::schedulers::BackgroundScheduler;
use apscheduler_executor_debug::DebugExecutor;
use apscheduler_testkit::TestPlugins;
use apscheduler_testkit::TestStore;
use chrono::TimeDelta;
use std::sync::Arc;

use crate::recorder::{Recorder, at, every, scheduler};

#[test]
fn the_loop_backs_off_and_continues() {
    let scheduler = scheduler();
    let store = TestStore::default();
    scheduler.add_jobstore("remote", store.clone()).unwrap();
    scheduler.start().unwrap();
    let job =
        |id: &str| JobBuilder::new("tests::ok").id(id).trigger(every(20)).misfire_grace_time(None);
    scheduler.add_jobs(vec![job("local"), job("remote").jobstore("remote")]).unwrap();
    scheduler.step();
    let events = Recorder::on(
        &scheduler,
        EventMask::JOBSTORE_ERROR | EventMask::JOBSTORE_RECOVERED | EventMask::JOB_EXECUTED,
    );
    store.fail(true);
    assert_eq!(scheduler.advance(TimeDelta::seconds(20)), Some(at(30)), "tried again after 10 s");
    assert_eq!(events.names(), ["JOB_EXECUTED local", "JOBSTORE_ERROR"]);
    assert_eq!(scheduler.advance(TimeDelta::seconds(10)), Some(at(40)));
    assert!(events.take().is_empty(), "an outage is reported once");
    store.fail(false);
    assert_eq!(
        scheduler.advance(TimeDelta::seconds(5)),
        Some(at(40)),
        "not before the interval has passed"
    );
    scheduler.advance(TimeDelta::seconds(5));
    let mut names = events.names();
    names.sort();
    assert_eq!(names, ["JOBSTORE_RECOVERED", "JOB_EXECUTED local", "JOB_EXECUTED remote"]);
}

thread_local! {
    static ENDS: RefCell<Option<TellsItsEnd>> = const { RefCell::new(None) };
}

/// Reports when its thread ends.
struct TellsItsEnd(Sender<()>);

impl Drop for TellsItsEnd {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[test]
fn a_restart_during_a_pass_leaves_one_worker_per_store() {
    let scheduler = Arc::new(BackgroundScheduler::<TestPlugins>::new());
    crate::recorder::fill(scheduler.registry());
    scheduler.add_executor("default", DebugExecutor::new()).unwrap();
    scheduler.add_jobstore("remote", TestStore::blocking()).unwrap();
    let (ended, end) = channel();
    let (owner, first) = (Arc::downgrade(&scheduler), Mutex::new(Some(ended)));
    scheduler.add_listener(EventMask::JOB_SUBMITTED, move |_| {
        let Some(ended) = first.lock().unwrap().take() else { return };
        ENDS.set(Some(TellsItsEnd(ended)));
        let scheduler = owner.upgrade().unwrap();
        scheduler.shutdown(Shutdown::Now).unwrap();
        scheduler.start().unwrap();
    });
    let (sender, executed) = channel();
    scheduler.add_listener(EventMask::JOB_EXECUTED | EventMask::JOB_ERROR, move |event| {
        let _ = sender.send(event.job().unwrap().id().to_string());
    });
    scheduler.start().unwrap();
    let job = |id: &str| JobBuilder::new("tests::ok").id(id).jobstore("remote");
    scheduler.add_job(job("a")).unwrap();
    let wait = Duration::from_secs(60);
    assert_eq!(end.recv_timeout(wait), Ok(()), "the worker from before the restart still exists");
    assert_eq!(executed.recv_timeout(wait).unwrap(), "a");
    scheduler.add_job(job("b")).unwrap();
    assert_eq!(executed.recv_timeout(wait).unwrap(), "b", "the new worker processes the store");
    scheduler.shutdown(Shutdown::Wait).unwrap();
}

#[test]
fn a_retry_interval_beyond_the_calendar_does_not_panic() {
    for interval in [Duration::from_secs_f64(1e13), Duration::MAX] {
        let scheduler = scheduler();
        scheduler.configure(&Config::new().jobstore_retry_interval(interval)).unwrap();
        scheduler.add_executor("default", DebugExecutor::new()).unwrap();
        let store = TestStore::default();
        scheduler.add_jobstore("remote", store.clone()).unwrap();
        scheduler.start().unwrap();
        scheduler.add_job(JobBuilder::new("tests::ok").id("a").jobstore("remote")).unwrap();
        let events = Recorder::on(&scheduler, EventMask::JOBSTORE_ERROR | EventMask::JOB_EXECUTED);
        store.fail(true);
        scheduler.step();
        assert_eq!(events.names(), ["JOBSTORE_ERROR"]);
        store.fail(false);
        scheduler.advance(TimeDelta::days(10_000));
        assert!(events.names().is_empty(), "it is retried before the interval has passed");
        // The loop continues with the other stores.
        scheduler.add_job(JobBuilder::new("tests::ok").id("local")).unwrap();
        scheduler.step();
        assert_eq!(events.names(), ["JOB_EXECUTED local"]);
    }
}

#[test]
fn the_longest_timeout_is_stored() {
    let scheduler = scheduler();
    scheduler.add_jobstore("remote", TestStore::default()).unwrap();
    scheduler.start().unwrap();
    let events = Recorder::on(&scheduler, EventMask::JOB_BROKEN | EventMask::JOB_EXECUTED);
    let job = JobBuilder::new("tests::ok").id("a").jobstore("remote").timeout(Duration::MAX);
    scheduler.add_job(job).unwrap();
    scheduler.step();
    assert_eq!(events.names(), ["JOB_EXECUTED a"]);
}

#[test]
fn a_clock_that_is_set_back_does_not_delay_retries() {
    let scheduler = scheduler();
    let store = TestStore::default();
    scheduler.add_jobstore("remote", store.clone()).unwrap();
    scheduler.start().unwrap();
    scheduler.step();
    let events =
        Recorder::on(&scheduler, EventMask::JOBSTORE_ERROR | EventMask::JOBSTORE_RECOVERED);
    scheduler.manual_clock().advance(TimeDelta::hours(1));
    store.fail(true);
    scheduler.add_job(JobBuilder::new("tests::ok").id("a").jobstore("remote")).unwrap_err();
    store.fail(false);
    scheduler.add_job(JobBuilder::new("tests::ok").id("a").jobstore("remote")).unwrap();
    store.fail(true);
    scheduler.step();
    assert_eq!(events.names(), ["JOBSTORE_ERROR"]);
    scheduler.advance(TimeDelta::minutes(-30));
    store.fail(false);
    scheduler.advance(TimeDelta::seconds(10));
    assert_eq!(events.names(), ["JOBSTORE_RECOVERED"]);
}

#[test]
fn a_store_that_hangs_delays_neither_the_loop_nor_another_store() {
    let scheduler: BackgroundScheduler<TestPlugins> = BackgroundScheduler::new();
    let store = TestStore::blocking();
    crate::recorder::fill(scheduler.registry());
    scheduler.add_executor("default", DebugExecutor::new()).unwrap();
    scheduler.add_jobstore("remote", store.clone()).unwrap();
    let (sender, receiver) = channel();
    scheduler.add_listener(EventMask::JOB_EXECUTED, move |event| {
        let _ = sender.send(event.job().unwrap().id().to_string());
    });
    scheduler.start().unwrap();
    let wait = || receiver.recv_timeout(Duration::from_secs(20)).unwrap();
    scheduler.add_job(JobBuilder::new("tests::ok").id("first").jobstore("remote")).unwrap();
    assert_eq!(wait(), "first");
    store.hang(true);
    // The pass over the hanging store is in progress; the memory store continues.
    for id in ["a", "b", "c"] {
        scheduler.add_job(JobBuilder::new("tests::ok").id(id)).unwrap();
        assert_eq!(wait(), id);
    }
    store.hang(false);
    scheduler.add_job(JobBuilder::new("tests::ok").id("last").jobstore("remote")).unwrap();
    assert_eq!(wait(), "last");
    scheduler.shutdown(Shutdown::Wait).unwrap();
}
