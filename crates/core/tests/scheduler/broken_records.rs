//! A record that can't be restored is set aside, reported, listed, and fires again once it can be restored.

use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::job::JobBuilder;
use apscheduler_core::store::{JobState, JobStore as _, NewRecord};
use apscheduler_testkit::{SteppedScheduler, TestStore};
use chrono::TimeDelta;

use crate::recorder::{Recorder, at, every, scheduler};

const BROKEN: EventMask = EventMask::JOB_BROKEN.union(EventMask::JOB_RESTORED);

fn started(store: &TestStore) -> SteppedScheduler {
    let scheduler = scheduler();
    scheduler.add_jobstore(store.clone(), "default").unwrap();
    scheduler.start().unwrap();
    scheduler
}

fn put(store: &TestStore, id: &str, text: &str) {
    let state = JobState::Encoded(text.into());
    store
        .add_jobs(vec![NewRecord {
            id: id.into(),
            next_run_time: Some(at(5)),
            state,
            replace: false,
        }])
        .unwrap();
}

fn state(id: &str, func: &str, trigger: &str) -> String {
    format!(
        r#"{{"version":1,"id":"{id}","name":"n","func":"{func}","trigger":{trigger},"executor":"default",
        "misfire_grace_time":null,"coalesce":true,"max_instances":1}}"#
    )
}

#[test]
fn every_kind_of_broken_record_is_kept_and_told_once() {
    let interval = r#"{"type":"interval","seconds":10,"start_date":"2027-01-01T00:00:10Z"}"#;
    let cases = [
        ("not json", "nonsense".to_owned(), "the stored state is no job"),
        ("other shape", "[1, 2]".to_owned(), "the stored state is no job"),
        (
            "newer",
            r#"{"version":2,"wild":true}"#.to_owned(),
            "the format version 2, this release reads versions up to 1",
        ),
        (
            "function",
            state("function", "tests::gone", interval),
            "no function is registered as `tests::gone`",
        ),
        (
            "trigger",
            state("trigger", "tests::ok", r#"{"type":"lunar"}"#),
            "unknown trigger `lunar`",
        ),
        ("bad trigger", state("bad trigger", "tests::ok", r#"{"type":"cron","hour":"99"}"#), "99"),
        ("other id", state("somebody", "tests::ok", interval), "that of the job `somebody`"),
        (
            "arguments",
            state("arguments", "tests::add", interval),
            "arguments have not been supplied",
        ),
        (
            "executor",
            state("executor", "tests::ok", interval).replace("\"default\"", "\"gone\""),
            "no executor has the alias `gone`",
        ),
    ];
    let store = TestStore::default();
    for (id, text, _) in &cases {
        put(&store, id, text);
    }
    let scheduler = started(&store);
    scheduler.add_job(JobBuilder::new("tests::ok").id("whole").trigger(every(10))).unwrap();
    let events = Recorder::on(&scheduler, BROKEN | EventMask::JOB_EXECUTED);
    assert_eq!(
        scheduler.advance(TimeDelta::seconds(10)),
        Some(at(20)),
        "what is set aside does not keep the loop busy"
    );
    let told = events.take();
    assert_eq!(told.len(), cases.len() + 1, "the job that is whole has run");
    for (id, _, expected) in &cases {
        let reason = told.iter().find_map(|event| match event {
            Event::JobBroken { job, reason } if *job.job_id == **id => Some(reason.to_string()),
            _ => None,
        });
        assert!(
            reason.as_ref().is_some_and(|reason| reason.contains(expected)),
            "{id}: {reason:?}"
        );
    }
    scheduler.advance(TimeDelta::seconds(10));
    assert_eq!(events.names(), ["JOB_EXECUTED whole"], "told once");
    let jobs = scheduler.get_jobs(None).unwrap();
    assert_eq!(jobs.len(), cases.len() + 1, "none was deleted");
    let broken = jobs.iter().filter(|job| job.broken().is_some()).count();
    assert_eq!(
        broken,
        cases.len() - 1,
        "an unknown executor breaks no job, it only keeps it from running"
    );
    scheduler.remove_job("not json", None).unwrap();
}

#[test]
fn it_fires_again_when_the_cause_is_gone() {
    let store = TestStore::default();
    let trigger = r#"{"type":"interval","seconds":10,"start_date":"2027-01-01T00:00:05Z"}"#;
    put(&store, "a", &state("a", "tests::late", trigger));
    let scheduler = started(&store);
    let events = Recorder::on(&scheduler, BROKEN | EventMask::JOB_EXECUTED);
    scheduler.advance(TimeDelta::seconds(6));
    assert_eq!(events.names(), ["JOB_BROKEN a"]);
    scheduler.registry().register_function("tests::late", || ()).unwrap();
    scheduler.add_job(JobBuilder::new("tests::ok").id("b").next_run_time(None)).unwrap();
    scheduler.step();
    let mut names = events.names();
    names.sort();
    assert_eq!(names, ["JOB_EXECUTED a", "JOB_RESTORED a"]);
}

#[test]
fn a_closure_is_refused_by_a_store_that_serializes() {
    let scheduler = started(&TestStore::default());
    let error = scheduler.add_job(JobBuilder::new(|| ()).id("a")).unwrap_err();
    assert_eq!(error.kind(), apscheduler_core::ErrorKind::Unsupported);
    assert!(error.to_string().contains("keep the job in a memory store"), "{error}");
}

#[test]
fn a_trigger_without_a_plugin_is_refused_by_a_store_that_serializes() {
    let registry = apscheduler_core::registry::Registry::with_core_plugins();
    registry.register_function("tests::ok", || ()).unwrap();
    let scheduler = SteppedScheduler::new(registry, crate::recorder::START);
    scheduler.add_jobstore(TestStore::default(), "default").unwrap();
    scheduler.start().unwrap();
    let error =
        scheduler.add_job(JobBuilder::new("tests::ok").id("a").trigger(every(10))).unwrap_err();
    assert_eq!(
        error.chain(),
        "job `a`: its trigger could not be restored from the store `default`: unknown trigger `interval`; known \
         triggers: none"
    );
}

#[test]
fn what_can_not_be_restored_is_exported_and_imported_as_it_is() {
    let store = TestStore::default();
    put(&store, "a", "nonsense");
    put(&store, "b", &state("b", "tests::gone", r#"{"type":"date"}"#));
    let scheduler = started(&store);
    let mut text = Vec::new();
    scheduler.export_jobs(&mut text, None).unwrap();
    let other = TestStore::default();
    let to = started(&other);
    assert_eq!(to.import_jobs(&mut text.as_slice(), "default").unwrap(), 2);
    assert_eq!(other.lookup_job("a").unwrap().unwrap().state.as_text(), Some("nonsense"));
    assert!(
        other.lookup_job("b").unwrap().unwrap().state.as_text().unwrap().contains("tests::gone")
    );
}
