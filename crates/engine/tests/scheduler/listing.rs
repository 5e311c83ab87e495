//! Jobs are listed, printed, exported and imported.

use apscheduler_core::ErrorKind;
use apscheduler_core::job::JobBuilder;
use apscheduler_engine::job::{Job, NextRunTime};
use apscheduler_testkit::SteppedScheduler;
use serde_json::{Value, json};

use crate::recorder::{at, every, scheduler};

fn print(scheduler: &SteppedScheduler, jobstore: Option<&str>) -> String {
    let mut out = Vec::new();
    match jobstore {
        Some(alias) => scheduler.print_jobs_in(alias, &mut out).unwrap(),
        None => scheduler.print_jobs(&mut out).unwrap(),
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn get_jobs_returns_jobs_in_order() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    let job = |id: &str, next: Option<i64>| {
        JobBuilder::new("tests::ok").id(id).next_run_time(next.map(at))
    };
    let jobs =
        vec![job("paused", None), job("late", Some(20)), job("b", Some(10)), job("a", Some(10))];
    scheduler.add_jobs(jobs).unwrap();
    let jobs = scheduler.get_jobs().unwrap();
    assert_eq!(jobs.iter().map(Job::id).collect::<Vec<_>>(), ["a", "b", "late", "paused"]);
}

#[test]
fn get_jobs() {
    for started in [false, true] {
        let scheduler = scheduler();
        scheduler.add_jobstore("other", "memory").unwrap();
        scheduler.add_job(JobBuilder::new("tests::ok").id("job1").trigger(every(1))).unwrap();
        let other = JobBuilder::new("tests::ok").id("job2").trigger(every(1)).jobstore("other");
        scheduler.add_job(other).unwrap();
        if started {
            scheduler.start_paused().unwrap();
        }
        let ids = |jobs: &[Job]| jobs.iter().map(|job| job.id().to_owned()).collect::<Vec<_>>();
        assert_eq!(ids(&scheduler.get_jobs().unwrap()), ["job1", "job2"]);
        assert_eq!(ids(&scheduler.get_jobs_in("other").unwrap()), ["job2"]);
    }
}

#[test]
fn print_jobs_before_the_start() {
    let scheduler = scheduler();
    assert_eq!(print(&scheduler, None), "Pending jobs:\n    No pending jobs\n");
    scheduler.add_job(JobBuilder::new("tests::ok").name("n").trigger(every(10))).unwrap();
    assert_eq!(
        print(&scheduler, None),
        "Pending jobs:\n    n (trigger: interval[0:00:10], pending)\n"
    );
}

#[test]
fn print_jobs_after_the_start() {
    let scheduler = scheduler();
    scheduler.add_jobstore("other", "memory").unwrap();
    scheduler.start().unwrap();
    scheduler.add_job(JobBuilder::new("tests::ok").name("n").trigger(every(10))).unwrap();
    let line = "    n (trigger: interval[0:00:10], next run at: 2027-01-01 00:00:10 UTC)\n";
    assert_eq!(
        print(&scheduler, None),
        format!("Jobstore default:\n{line}Jobstore other:\n    No scheduled jobs\n")
    );
    assert_eq!(print(&scheduler, Some("other")), "Jobstore other:\n    No scheduled jobs\n");
}

#[test]
fn export_jobs_needs_a_started_scheduler() {
    let error = scheduler().export_jobs(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotRunning);
}

#[test]
fn export_import_jobs() {
    let from = scheduler();
    from.start().unwrap();
    from.add_job(
        JobBuilder::new("tests::add")
            .id("a")
            .args([json!(1), json!(2)])
            .trigger(every(10))
            .max_instances(3),
    )
    .unwrap();
    from.add_job(JobBuilder::new("tests::ok").id("p").next_run_time(None)).unwrap();
    let mut text = Vec::new();
    from.export_jobs(&mut text).unwrap();
    let export: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(export["version"], 1);
    assert_eq!(export["jobs"][0]["state"]["func"], "tests::add");

    let to = scheduler();
    to.start().unwrap();
    assert_eq!(to.import_jobs("default", &mut text.as_slice()).unwrap(), 2);
    let job = to.get_job("a").unwrap().unwrap();
    let spec = job.spec().unwrap();
    assert_eq!((job.next_run_time(), spec.max_instances()), (NextRunTime::At(at(10)), 3));
    assert_eq!(
        (spec.arguments().args(), spec.trigger().to_string().as_str()),
        (&[json!(1), json!(2)][..], "interval[0:00:10]")
    );
    assert_eq!(to.get_job("p").unwrap().unwrap().next_run_time(), NextRunTime::Paused);
    assert_eq!(
        to.import_jobs("default", &mut text.as_slice()).unwrap_err().kind(),
        ErrorKind::ConflictingId
    );
}

#[test]
fn import_refuses_invalid_exports() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    let import = |text: &str| {
        scheduler.import_jobs("default", &mut text.as_bytes()).unwrap_err().to_string()
    };
    assert_eq!(import("no json"), "this is not an export of jobs");
    assert_eq!(
        import(r#"{"version": 2, "jobs": []}"#),
        "unrecognized version of the export: expected 1, found 2"
    );
    assert_eq!(import("{}"), "unrecognized version of the export: expected 1, found none");
}

#[test]
fn a_closure_can_not_be_exported() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    scheduler.add_job(JobBuilder::new(|| ()).id("a").next_run_time(None)).unwrap();
    let error = scheduler.export_jobs(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("register it by name"), "{error}");
}
