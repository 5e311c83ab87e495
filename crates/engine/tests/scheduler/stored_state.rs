//! The state that a serializing store keeps, and what is restored from it.

use apscheduler_core::ErrorKind;
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::job::{JobBuilder, JobChanges, JobOrigin};
use apscheduler_core::store::{JobPayload, JobStore as _, NewRecord};
use apscheduler_core::trigger::TriggerConfig;
use apscheduler_engine::job::NextRunTime;
use apscheduler_testkit::{SteppedScheduler, TestStore};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::recorder::{Recorder, at, every, scheduler};

fn started(store: &TestStore) -> SteppedScheduler {
    let scheduler = scheduler();
    scheduler.configure(&apscheduler_core::config::Config::new().timezone(chrono::Utc)).unwrap();
    scheduler.add_jobstore("default", store.clone()).unwrap();
    scheduler.start().unwrap();
    scheduler
}

fn stored(store: &TestStore, id: &str) -> Value {
    let record = store.lookup_job(id).unwrap().unwrap();
    serde_json::from_str(record.payload.as_text().unwrap()).unwrap()
}

#[test]
fn getstate() {
    let store = TestStore::default();
    let scheduler = started(&store);
    let date = TriggerConfig::new("date").option("run_date", "2027-04-03T18:40:00Z");
    scheduler
        .add_job(JobBuilder::new("tests::ok").id("téstïd").name("nämé").trigger(date))
        .unwrap();
    assert_eq!(
        stored(&store, "téstïd"),
        json!({
            "version": 1,
            "id": "téstïd",
            "name": "nämé",
            "func": "tests::ok",
            "args": [],
            "kwargs": {},
            "trigger": {"type": "date", "run_date": "2027-04-03T18:40:00+00:00", "timezone": "UTC"},
            "executor": "default",
            "misfire_grace_time": 1,
            "coalesce": true,
            "max_instances": 1,
        })
    );
}

#[test]
fn setstate() {
    let store = TestStore::default();
    let state = json!({
        "version": 1,
        "id": "other_id",
        "name": "testjob.dummyfunc",
        "func": "tests::add",
        "args": [1, 2],
        "kwargs": {},
        "trigger": {"type": "date", "run_date": "2027-12-14 13:05:00", "timezone": "UTC"},
        "executor": "dummyexecutor",
        "misfire_grace_time": 2,
        "coalesce": false,
        "max_instances": 2,
    });
    let record = NewRecord::new("other_id", None, JobPayload::Encoded(state.to_string().into()));
    store.add_jobs(vec![record]).unwrap();
    let scheduler = started(&store);
    let job = scheduler.get_job("other_id").unwrap().unwrap();
    assert_eq!((job.name(), job.next_run_time()), ("testjob.dummyfunc", NextRunTime::Paused));
    let spec = job.spec().unwrap();
    assert_eq!((spec.function().name(), spec.executor()), ("tests::add", "dummyexecutor"));
    assert_eq!(spec.arguments().args(), [json!(1), json!(2)]);
    assert_eq!(spec.trigger().to_string(), "date[2027-12-14 13:05:00 UTC]");
    assert_eq!(
        (spec.misfire_grace_time(), spec.coalesce().is_one(), spec.max_instances()),
        (Some(std::time::Duration::from_secs(2)), false, 2)
    );
}

struct Adder {
    base: i64,
}

impl Adder {
    fn add(&self, left: i64, right: i64) -> i64 {
        self.base + left + right
    }

    fn add_two(left: i64, right: i64) -> i64 {
        left + right
    }
}

#[test]
fn a_method_of_a_type_is_restored() {
    let store = TestStore::default();
    let scheduler = started(&store);
    let registry = scheduler.registry();
    registry.register_function("tests::Adder::add_two", Adder::add_two).unwrap();
    let events = Recorder::on(&scheduler, EventMask::JOB_EXECUTED);
    let job = |function: &str| {
        JobBuilder::new(function).args([json!(1), json!(2)]).misfire_grace_time(None)
    };
    scheduler.add_job(job("tests::Adder::add_two").id("a")).unwrap();
    scheduler.step();
    let events = events.take();
    let Event::JobExecuted { retval, .. } = &events[0] else { panic!("{events:?}") };
    assert_eq!(**retval, json!(3));
}

#[test]
fn a_method_of_an_object_is_restored_by_its_name() {
    let store = TestStore::default();
    let scheduler = started(&store);
    let adder = Adder { base: 10 };
    let add = move |left, right| adder.add(left, right);
    scheduler.registry().register_function("tests::adder::add", add).unwrap();
    let events = Recorder::on(&scheduler, EventMask::JOB_EXECUTED);
    scheduler.add_job(JobBuilder::new("tests::adder::add").args([json!(1), json!(2)])).unwrap();
    scheduler.step();
    let events = events.take();
    let Event::JobExecuted { retval, .. } = &events[0] else { panic!("{events:?}") };
    assert_eq!(**retval, json!(13));
}

#[test]
fn a_changed_function_is_stored() {
    let store = TestStore::default();
    let scheduler = started(&store);
    scheduler.add_job(JobBuilder::new("tests::ok").id("a").trigger(every(10))).unwrap();
    // As in Python references, a single colon may precede the last part.
    let changes = JobChanges::new().function("tests:add").args([json!(2), json!(3)]);
    scheduler.modify_job("a", &changes).unwrap();
    assert_eq!(stored(&store, "a")["func"], "tests::add");
    let events = Recorder::on(&scheduler, EventMask::JOB_EXECUTED);
    scheduler.advance(TimeDelta::seconds(10));
    let events = events.take();
    let Event::JobExecuted { retval, .. } = &events[0] else { panic!("{events:?}") };
    assert_eq!(**retval, json!(5));
    // A closure can't replace the stored function.
    let closure = JobChanges::new().function(|| ()).args([]);
    assert_eq!(scheduler.modify_job("a", &closure).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn microseconds_are_preserved() {
    let store = TestStore::default();
    let scheduler = started(&store);
    let time = at(0) + TimeDelta::microseconds(254_012);
    scheduler.add_job(JobBuilder::new("tests::ok").id("a").next_run_time(time)).unwrap();
    let job = scheduler.get_job("a").unwrap().unwrap();
    assert_eq!(job.next_run_time(), NextRunTime::At(time));
}

fn with_origin(origin: &Value, func: &str) -> NewRecord {
    let state = json!({
        "version": 1,
        "id": "a",
        "name": "a",
        "func": func,
        "trigger": {"type": "date", "run_date": "2027-12-14 13:05:00", "timezone": "UTC"},
        "executor": "default",
        "misfire_grace_time": 1,
        "coalesce": true,
        "max_instances": 1,
        "origin": origin,
    });
    NewRecord::new("a", None, JobPayload::Encoded(state.to_string().into())).with_replace(true)
}

#[test]
fn an_origin_without_name_and_host_is_preserved() {
    let store = TestStore::default();
    let old = json!({"file": "/srv/releases/7/jobs.toml", "digest": "12-34"});
    store.add_jobs(vec![with_origin(&old, "tests::ok")]).unwrap();
    let scheduler = started(&store);
    let job = scheduler.get_job("a").unwrap().unwrap();
    assert_eq!(job.origin(), Some(&JobOrigin::new("/srv/releases/7/jobs.toml", "12-34")));
    job.modify(&JobChanges::new().name("b")).unwrap();
    assert_eq!(stored(&store, "a")["origin"], old);
    let origin = JobOrigin::new("/srv/jobs.toml", "12-34")
        .name("billing".to_owned())
        .host("pod-1".to_owned());
    job.modify(&JobChanges::new().origin(origin.clone())).unwrap();
    assert_eq!(
        stored(&store, "a")["origin"],
        json!({"name": "billing", "file": "/srv/jobs.toml", "host": "pod-1", "digest": "12-34"})
    );
    assert_eq!(scheduler.get_job("a").unwrap().unwrap().origin(), Some(&origin));
}

#[test]
fn a_broken_record_keeps_the_file_that_declared_it() {
    let store = TestStore::default();
    let origin = json!({"name": "billing", "file": "/srv/jobs.toml", "digest": "12-34"});
    store.add_jobs(vec![with_origin(&origin, "tests::unknown")]).unwrap();
    let job = started(&store).get_job("a").unwrap().unwrap();
    assert!(job.broken().is_some());
    assert_eq!(job.origin().unwrap().name.as_deref(), Some("billing"));
}
