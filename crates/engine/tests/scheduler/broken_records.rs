//! A record that can't be restored is set aside, reported, listed, and fires again once it can be restored.

use apscheduler_core::ErrorKind;
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::job::{JobBuilder, JobChanges, Pause};
use apscheduler_core::store::{JobPayload, JobStore as _, NewRecord};
use apscheduler_engine::job::NextRunTime;
use apscheduler_testkit::{SteppedScheduler, TestStore};
use chrono::TimeDelta;

use crate::recorder::{Recorder, at, every, scheduler};

const BROKEN: EventMask = EventMask::JOB_BROKEN.union(EventMask::JOB_RESTORED);

fn started(store: &TestStore) -> SteppedScheduler {
    let scheduler = scheduler();
    scheduler.add_jobstore("default", store.clone()).unwrap();
    scheduler.start().unwrap();
    scheduler
}

fn put(store: &TestStore, id: &str, text: &str) {
    let state = JobPayload::Encoded(text.into());
    store.add_jobs(vec![NewRecord::new(id, Some(at(5)), state)]).unwrap();
}

fn state(id: &str, func: &str, trigger: &str) -> String {
    format!(
        r#"{{"version":1,"id":"{id}","name":"n","func":"{func}","trigger":{trigger},"executor":"default",
        "misfire_grace_time":null,"coalesce":true,"max_instances":1}}"#
    )
}

#[test]
fn every_kind_of_broken_record_is_kept_and_reported_once() {
    let interval = r#"{"type":"interval","seconds":10,"start_date":"2027-01-01T00:00:10Z"}"#;
    let cases = [
        ("not json", "nonsense".to_owned(), "the stored state is not a job"),
        ("other shape", "[1, 2]".to_owned(), "the stored state is not a job"),
        (
            "newer",
            r#"{"version":9,"wild":true}"#.to_owned(),
            "the format version 9, this release reads versions up to 2",
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
        ("other id", state("somebody", "tests::ok", interval), "belongs to the job `somebody`"),
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
        "broken records do not keep the loop busy"
    );
    let told = events.take();
    assert_eq!(told.len(), cases.len() + 1, "the intact job has run");
    for (id, _, expected) in &cases {
        let reason = told.iter().find_map(|event| match event {
            Event::JobBroken { job, reason } if *job.id() == **id => Some(reason.to_string()),
            _ => None,
        });
        assert!(
            reason.as_ref().is_some_and(|reason| reason.contains(expected)),
            "{id}: {reason:?}"
        );
    }
    scheduler.advance(TimeDelta::seconds(10));
    assert_eq!(events.names(), ["JOB_EXECUTED whole"], "told once");
    let jobs = scheduler.get_jobs().unwrap();
    assert_eq!(jobs.len(), cases.len() + 1, "none was deleted");
    let broken = jobs.iter().filter(|job| job.broken().is_some()).count();
    assert_eq!(broken, cases.len(), "all of them are listed as broken");
    let without_executor = scheduler.get_job("executor").unwrap().unwrap();
    assert_eq!(
        without_executor.spec().map(|spec| spec.executor()),
        Some("gone"),
        "its definition can be read"
    );
    scheduler.remove_job("not json").unwrap();
}

#[test]
fn a_broken_record_fires_again_when_the_cause_is_fixed() {
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

const EVERY_TEN: &str = r#"{"type":"interval","seconds":10,"start_date":"2027-01-01T00:00:10Z"}"#;

#[test]
fn changing_the_broken_part_repairs_a_record() {
    let store = TestStore::default();
    put(&store, "function", &state("function", "tests::gone", EVERY_TEN));
    put(&store, "trigger", &state("trigger", "tests::ok", r#"{"type":"lunar"}"#));
    put(&store, "arguments", &state("arguments", "tests::add", EVERY_TEN));
    let no_executor = state("executor", "tests::ok", EVERY_TEN).replace("\"default\"", "\"gone\"");
    put(&store, "executor", &no_executor);
    let bad_name = state("name", "tests::ok", EVERY_TEN).replace("\"n\"", "5");
    put(&store, "name", &bad_name);
    put(&store, "no job", "nonsense");
    let scheduler = started(&store);
    let changes = [
        ("function", JobChanges::new().function("tests::ok")),
        ("trigger", JobChanges::new().trigger(every(10))),
        ("arguments", JobChanges::new().args([1.into(), 2.into()])),
        ("executor", JobChanges::new().executor("default")),
        ("name", JobChanges::new().name("right")),
        ("no job", JobChanges::new().function("tests::ok").trigger(every(10))),
    ];
    for (id, changes) in &changes {
        let reason = scheduler.get_job(id).unwrap().unwrap().broken().map(ToString::to_string);
        assert!(reason.is_some(), "{id}");
        let job = scheduler.modify_job(id, changes).unwrap();
        assert!(job.broken().is_none(), "{id}: {:?}", job.broken());
        assert_eq!(job.next_run_time(), NextRunTime::At(at(5)), "{id}");
    }
    assert_eq!(scheduler.get_job("function").unwrap().unwrap().name(), "n", "the rest is kept");
    let events = Recorder::on(&scheduler, BROKEN | EventMask::JOB_EXECUTED);
    scheduler.advance(TimeDelta::seconds(5));
    assert_eq!(events.names().len(), changes.len());
}

#[test]
fn a_change_that_repairs_nothing_reports_what_is_broken() {
    let store = TestStore::default();
    put(&store, "function", &state("function", "tests::gone", EVERY_TEN));
    put(&store, "no job", "nonsense");
    put(&store, "newer", r#"{"version":9,"wild":true}"#);
    put(&store, "other", &state("somebody", "tests::ok", EVERY_TEN));
    let scheduler = started(&store);
    let both = || JobChanges::new().function("tests::ok").trigger(every(10));
    let cases = [
        ("function", JobChanges::new().name("x"), "no function is registered as `tests::gone`"),
        ("function", JobChanges::new().function("tests::add"), "arguments have not been supplied"),
        (
            "no job",
            JobChanges::new().function("tests::ok"),
            "give both its function and its trigger",
        ),
        ("newer", both(), "the format version 9"),
        ("other", both(), "belongs to the job `somebody`"),
    ];
    for (id, changes, expected) in cases {
        let before = store.lookup_job(id).unwrap().unwrap();
        let error = scheduler.modify_job(id, &changes).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        let after = store.lookup_job(id).unwrap().unwrap();
        assert_eq!(after.revision, before.revision, "{id} was not written");
    }
    let error = scheduler.resume_job("function").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenRecord);
}

#[test]
fn a_broken_record_can_be_paused_and_keeps_its_state() {
    let store = TestStore::default();
    put(&store, "a", "nonsense");
    let no_executor = state("b", "tests::ok", EVERY_TEN).replace("\"default\"", "\"gone\"");
    put(&store, "b", &no_executor);
    let scheduler = started(&store);
    for id in ["a", "b"] {
        let before = store.lookup_job(id).unwrap().unwrap();
        let job = scheduler.pause_job(id).unwrap();
        assert_eq!((job.next_run_time(), job.broken().is_some()), (NextRunTime::Paused, true));
        let after = store.lookup_job(id).unwrap().unwrap();
        let is_unchanged = after.payload.as_text() == before.payload.as_text();
        // What can be read keeps its pause.
        assert_eq!((is_unchanged, job.paused().is_some()), (id == "a", id == "b"));
    }
    let error = scheduler.pause_job_with("a", Pause::new().until(at(60))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenRecord);
    assert_eq!(scheduler.modify_job("b", &JobChanges::new().name("x")).unwrap().name(), "x");
    let error = scheduler.modify_job("b", &JobChanges::new().executor("away")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownAlias);
}

#[test]
fn the_first_and_last_instants_are_listed_exported_and_imported() {
    let store = TestStore::default();
    let scheduler = started(&store);
    let ends = [
        ("first", apscheduler_core::time::from_micros(i64::MIN)),
        ("last", apscheduler_core::time::from_micros(i64::MAX)),
    ];
    scheduler.pause().unwrap();
    for (id, time) in ends {
        let job = JobBuilder::new("tests::ok").id(id).trigger(every(10)).next_run_time(time);
        scheduler.add_job(job).unwrap();
    }
    let ids = |scheduler: &SteppedScheduler| -> Vec<String> {
        scheduler.get_jobs().unwrap().iter().map(|job| job.id().to_owned()).collect()
    };
    assert_eq!(ids(&scheduler), ["first", "last"]);
    let mut exported = Vec::new();
    scheduler.export_jobs(&mut exported).unwrap();
    let to = started(&TestStore::default());
    to.pause().unwrap();
    assert_eq!(to.import_jobs("default", &mut exported.as_slice()).unwrap(), 2);
    assert_eq!(ids(&to), ["first", "last"]);
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
    let registry = apscheduler_testkit::registry();
    registry.register_function("tests::ok", || ()).unwrap();
    let scheduler = SteppedScheduler::new(registry, crate::recorder::START);
    scheduler.add_jobstore("default", TestStore::default()).unwrap();
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
fn broken_records_are_exported_and_imported_unchanged() {
    let store = TestStore::default();
    put(&store, "a", "nonsense");
    put(&store, "b", &state("b", "tests::gone", r#"{"type":"date"}"#));
    let scheduler = started(&store);
    let mut text = Vec::new();
    scheduler.export_jobs(&mut text).unwrap();
    let other = TestStore::default();
    let to = started(&other);
    assert_eq!(to.import_jobs("default", &mut text.as_slice()).unwrap(), 2);
    assert_eq!(other.lookup_job("a").unwrap().unwrap().payload.as_text(), Some("nonsense"));
    assert!(
        other.lookup_job("b").unwrap().unwrap().payload.as_text().unwrap().contains("tests::gone")
    );
}
