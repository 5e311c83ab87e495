//! Calls that change a job only as it was read, and pages of jobs.

use apscheduler_core::ErrorKind;
use apscheduler_core::job::{JobBuilder, JobChanges, JobKey};
use apscheduler_engine::job::{Job, JobStatus};
use apscheduler_testkit::SteppedScheduler;
use chrono::TimeDelta;
use serde_json::json;

use crate::recorder::{every, scheduler};

fn started() -> SteppedScheduler {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    scheduler.add_job(JobBuilder::new("tests::ok").id("a").trigger(every(10))).unwrap();
    scheduler
}

fn read(scheduler: &SteppedScheduler) -> (Job, JobKey) {
    let job = scheduler.get_job("a").unwrap().unwrap();
    let key = job.key().at_revision(job.revision());
    (job, key)
}

#[test]
fn a_job_that_was_changed_since_is_left_alone() {
    let scheduler = started();
    let (job, key) = read(&scheduler);
    let changed = scheduler.modify_job(&key, &JobChanges::new().name("first")).unwrap();
    assert!(job.revision().is_some() && changed.revision().is_none(), "only the store knows it");
    let outdated = [
        scheduler.modify_job(&key, &JobChanges::new().name("second")).unwrap_err(),
        scheduler.pause_job(&key).unwrap_err(),
        scheduler.remove_job(&key).unwrap_err(),
        scheduler.run_now(&key).unwrap_err(),
    ];
    for error in outdated {
        assert_eq!((error.kind(), error.job_id()), (ErrorKind::Outdated, Some("a")), "{error}");
    }
    let (job, key) = read(&scheduler);
    assert_eq!(job.name(), "first");
    scheduler.pause_job(&key).unwrap();
    assert_eq!(read(&scheduler).0.status(), JobStatus::Paused);
    scheduler.remove_job(read(&scheduler).1).unwrap();
    assert!(scheduler.get_job("a").unwrap().is_none());
}

#[test]
fn a_fire_is_a_change_too() {
    let scheduler = started();
    let (_, key) = read(&scheduler);
    scheduler.advance(TimeDelta::seconds(10));
    assert_eq!(scheduler.pause_job(&key).unwrap_err().kind(), ErrorKind::Outdated);
}

#[test]
fn pages_follow_each_other() {
    let scheduler = started();
    for id in ["b", "c", "d"] {
        scheduler.add_job(JobBuilder::new("tests::ok").id(id).trigger(every(20))).unwrap();
    }
    scheduler.pause_job("b").unwrap();
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let page = scheduler.jobs_page("default", after.as_ref(), 2).unwrap();
        ids.extend(page.jobs.iter().map(|job| job.id().to_owned()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(ids, ["a", "c", "d", "b"]);
    let error = scheduler.jobs_page("defalt", None, 2).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownAlias);
}

#[test]
fn the_table_of_a_job_has_all_its_fields() {
    let scheduler = started();
    let table = serde_json::to_value(read(&scheduler).0).unwrap();
    assert_eq!((&table["id"], &table["status"]), (&json!("a"), &json!("scheduled")));
    assert_eq!(table["trigger_config"]["type"], "interval");
    assert_eq!(table["next_run_time"], "2027-01-01T00:00:10+00:00");
}
