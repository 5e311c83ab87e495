//! A panic in foreign code affects only the operation that called it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use apscheduler_core::Shutdown;
use apscheduler_core::event::EventMask;
use apscheduler_core::executor::{Executor, ExecutorCapabilities, Run};
use apscheduler_core::job::JobBuilder;
use apscheduler_core::time::{Timestamp, Zone};
use apscheduler_core::trigger::{SerializeOptions, Trigger};
use apscheduler_engine::schedulers::BackgroundScheduler;
use apscheduler_testkit::TestPlugins;

use crate::recorder::{Recorder, at, fill, scheduler};

/// Panics on every submitted run.
#[derive(Debug)]
struct PanickingExecutor;

impl Executor for PanickingExecutor {
    fn capabilities(&self) -> ExecutorCapabilities {
        ExecutorCapabilities::new().in_process(true).sync_jobs(true)
    }

    fn submit(&self, _run: Run) {
        panic!("test message");
    }

    fn shutdown(&self, _shutdown: Shutdown) {}
}

#[test]
fn executor_error() {
    let scheduler: BackgroundScheduler<TestPlugins> = BackgroundScheduler::new();
    fill(scheduler.registry());
    scheduler.add_executor("default", "debug").unwrap();
    scheduler.add_executor("bad", PanickingExecutor).unwrap();
    let (sender, receiver) = channel();
    scheduler.add_listener(EventMask::JOB_EXECUTED | EventMask::JOB_ERROR, move |event| {
        let job = event.job().unwrap();
        let _ = sender.send(format!("{} {}", event.name(), job.id()));
    });
    scheduler.start().unwrap();
    let wait = || receiver.recv_timeout(Duration::from_secs(20)).unwrap();
    scheduler.add_job(JobBuilder::new("tests::ok").id("lost").executor("bad")).unwrap();
    assert_eq!(wait(), "JOB_ERROR lost");
    scheduler.add_job(JobBuilder::new("tests::ok").id("after")).unwrap();
    assert_eq!(wait(), "JOB_EXECUTED after", "the loop continues");
    scheduler.shutdown(Shutdown::Wait).unwrap();
}

/// Returns one fire time, and panics on the next call.
#[derive(Debug)]
struct PanickingTrigger;

impl fmt::Display for PanickingTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("panicking")
    }
}

impl Trigger for PanickingTrigger {
    fn next_fire_time(&self, previous: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        assert!(previous.is_none(), "no idea");
        Some(now)
    }

    fn kind(&self) -> &'static str {
        "panicking"
    }

    fn options(&self) -> Box<dyn SerializeOptions + '_> {
        Box::new(())
    }

    fn zone(&self, _fire_time: Timestamp) -> Zone {
        Zone::UTC
    }
}

#[test]
fn a_trigger_that_panics_makes_a_broken_record() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    let events = Recorder::on(&scheduler, EventMask::JOB_BROKEN | EventMask::JOB_EXECUTED);
    scheduler.add_job(JobBuilder::new("tests::ok").id("a").trigger(PanickingTrigger)).unwrap();
    scheduler.add_job(JobBuilder::new("tests::ok").id("b").next_run_time(at(0))).unwrap();
    scheduler.step();
    let mut names = events.names();
    names.sort();
    assert_eq!(names, ["JOB_BROKEN a", "JOB_EXECUTED b"]);
    assert_eq!(scheduler.get_jobs().unwrap().len(), 1, "it is kept");
}

/// Records that it was dropped.
struct Held(Arc<AtomicBool>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn values_of_a_failed_run_are_dropped() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    let dropped = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&dropped);
    let job = move || {
        let held = Held(Arc::clone(&flag));
        assert!(held.0.load(Ordering::SeqCst), "dummy");
    };
    scheduler.add_job(JobBuilder::new(job)).unwrap();
    scheduler.step();
    assert!(dropped.load(Ordering::SeqCst));
}
