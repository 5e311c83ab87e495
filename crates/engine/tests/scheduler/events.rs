//! The events that listeners receive.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use apscheduler_core::Shutdown;
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::job::JobBuilder;
use apscheduler_core::run::RunId;
use apscheduler_core::trigger::TriggerConfig;
use apscheduler_plugin_kit::executor::RunExt as _;
use chrono::TimeDelta;
use serde_json::json;

use crate::recorder::{Recorder, at, every, scheduler};

#[test]
fn add_remove_listener() {
    let scheduler = scheduler();
    let (all, some) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let count = |counter: &Arc<AtomicUsize>| {
        let counter = Arc::clone(counter);
        move |_: &Event| {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    };
    let id = scheduler.add_listener(EventMask::ALL, count(&all));
    scheduler.add_listener(EventMask::SCHEDULER_STARTED, count(&some));
    scheduler.start().unwrap();
    assert_eq!((all.load(Ordering::SeqCst), some.load(Ordering::SeqCst)), (3, 1));
    assert!(scheduler.remove_listener(id));
    assert!(!scheduler.remove_listener(id));
    scheduler.shutdown(Shutdown::Wait).unwrap();
    assert_eq!(all.load(Ordering::SeqCst), 3);
}

#[test]
fn event_codes_are_those_of_apscheduler() {
    assert_eq!(EventMask::SCHEDULER_STARTED.bits(), 1);
    assert_eq!(EventMask::JOB_EXECUTED.bits(), 4096);
    assert_eq!(EventMask::JOB_ERROR.bits(), 8192);
    assert_eq!(EventMask::JOB_MISSED.bits(), 16384);
    assert_eq!(EventMask::JOB_SUBMITTED.bits(), 32768);
    assert_eq!(EventMask::JOB_MAX_INSTANCES.bits(), 65536);
}

#[test]
fn submitted_comes_before_the_outcome() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    let events = Recorder::on(&scheduler, EventMask::JOB_SUBMITTED | EventMask::JOB_EXECUTED);
    scheduler.add_job(JobBuilder::new("tests::add").id("a").args([json!(2), json!(3)])).unwrap();
    scheduler.step();
    let events = events.take();
    let Event::JobSubmitted { job, scheduled_run_times, .. } = &events[0] else {
        panic!("{events:?}")
    };
    assert_eq!(
        (job.id(), job.jobstore(), &**scheduled_run_times),
        ("a", Some("default"), &[at(0)][..])
    );
    let Event::JobExecuted { retval, scheduled_run_time, .. } = &events[1] else {
        panic!("{events:?}")
    };
    assert_eq!((&**retval, *scheduled_run_time), (&json!(5), at(0)));
}

#[test]
fn an_error_and_a_panic_are_events() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    let events = Recorder::on(&scheduler, EventMask::JOB_ERROR);
    let fails = || -> Result<(), std::io::Error> { Err(std::io::Error::other("disk on fire")) };
    scheduler.add_job(JobBuilder::new(fails).id("a")).unwrap();
    let panics = |why: String| -> String { panic!("oh {why}") };
    scheduler.add_job(JobBuilder::new(panics).id("b").arg("no")).unwrap();
    scheduler.step();
    let mut texts: Vec<String> = (events.take().iter())
        .map(|event| match event {
            Event::JobError { error, .. } => error.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    texts.sort();
    assert_eq!(texts, ["disk on fire", "panicked: oh no"]);
}

#[test]
fn job_max_instances_event() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    let events = Recorder::on(&scheduler, EventMask::JOB_MAX_INSTANCES | EventMask::JOB_EXECUTED);
    let (started, starts) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let job = move || {
        started.send(()).unwrap();
        released.lock().unwrap().recv().unwrap();
    };
    scheduler.add_executor("threads", ThreadPerRun).unwrap();
    scheduler.add_job(JobBuilder::new(job).id("a").trigger(every(10)).executor("threads")).unwrap();
    scheduler.advance(TimeDelta::seconds(10));
    starts.recv().unwrap();
    scheduler.advance(TimeDelta::seconds(10));
    let skipped = events.take();
    let Event::JobMaxInstances { scheduled_run_times, .. } = &skipped[0] else {
        panic!("{skipped:?}")
    };
    assert_eq!(**scheduled_run_times, [at(20)]);
    release.send(()).unwrap();
}

/// Runs every job on its own thread.
#[derive(Debug)]
struct ThreadPerRun;

impl apscheduler_core::executor::Executor for ThreadPerRun {
    fn capabilities(&self) -> apscheduler_core::executor::ExecutorCapabilities {
        apscheduler_core::executor::ExecutorCapabilities::new().in_process(true).sync_jobs(true)
    }

    fn submit(&self, run: apscheduler_core::executor::Run) {
        std::thread::spawn(move || run.execute());
    }

    fn shutdown(&self, _shutdown: Shutdown) {}
}

#[test]
fn a_panicking_listener_affects_nothing_else() {
    let scheduler = scheduler();
    scheduler.add_listener(EventMask::ALL, |_| panic!("listener"));
    let events = Recorder::on(&scheduler, EventMask::SCHEDULER_STARTED);
    scheduler.start().unwrap();
    assert_eq!(events.take().len(), 1);
}

#[test]
fn events_are_json_lines() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    let events = Recorder::on(&scheduler, EventMask::JOB_EXECUTED);
    scheduler.add_job(JobBuilder::new("tests::add").id("a").args([json!(2), json!(3)])).unwrap();
    scheduler.step();
    let event = events.take().remove(0);
    let run = event.run().unwrap();
    assert_eq!(
        json!(event),
        json!({"event": "JOB_EXECUTED", "code": 4096, "job_id": "a", "jobstore": "default",
            "scheduled_run_time": "2027-01-01T00:00:00+00:00", "retval": 5,
            "run_id": run.id, "attempt": 1, "owner": &*run.owner,
            "claimed": "2027-01-01T00:00:00+00:00", "started": "2027-01-01T00:00:00+00:00",
            "ended": "2027-01-01T00:00:00+00:00", "duration": run.duration.unwrap().as_secs_f64()})
    );
}

#[test]
fn the_events_of_a_run_name_it() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    let mask = EventMask::JOB_SUBMITTED | EventMask::JOB_STARTED | EventMask::JOB_EXECUTED;
    let events = Recorder::on(&scheduler, mask);
    let every_second =
        json!({"type": "interval", "seconds": 1, "start_date": "2027-01-01 00:00:01"});
    let trigger = TriggerConfig::from_value(&every_second).unwrap();
    let job = JobBuilder::new("tests::add").id("a").args([json!(2), json!(3)]);
    scheduler.add_job(job.trigger(trigger).coalesce(false).misfire_grace_time(None)).unwrap();
    scheduler.advance(TimeDelta::seconds(3));
    let events = events.take();
    let names: Vec<&str> = events.iter().map(Event::name).collect();
    let run = ["JOB_STARTED", "JOB_EXECUTED"];
    assert_eq!(names, [&["JOB_SUBMITTED"][..], &run, &run, &run].concat());
    let submitted: Vec<RunId> = events[0].run_ids().collect();
    let started = events.iter().filter(|event| event.name() == "JOB_STARTED");
    assert_eq!(started.map(|event| event.run().unwrap().id).collect::<Vec<_>>(), submitted);
    let ended = events.iter().filter(|event| event.name() == "JOB_EXECUTED");
    assert_eq!(ended.map(|event| event.run().unwrap().id).collect::<Vec<_>>(), submitted);
    assert!(submitted.is_sorted_by(|one, other| one < other), "{submitted:?}");
    let owners = events.iter().map(|event| event.run().unwrap().owner.id);
    assert_eq!(owners.collect::<std::collections::HashSet<_>>().len(), 1);
}
