//! The methods of job handles, and their text.

use apscheduler_core::ErrorKind;
use apscheduler_core::Shutdown;
use apscheduler_core::job::{JobBuilder, JobChanges};
use apscheduler_engine::job::{Job, NextRunTime};

use crate::recorder::{at, every, scheduler};

fn started_job() -> (apscheduler_testkit::SteppedScheduler, Job) {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    let job = scheduler
        .add_job(JobBuilder::new("tests::ok").id("a").name("n").trigger(every(10)))
        .unwrap();
    (scheduler, job)
}

#[test]
fn modify() {
    let (_scheduler, job) = started_job();
    assert_eq!(job.modify(&JobChanges::new().name("m")).unwrap().name(), "m");
}

#[test]
fn reschedule() {
    let (_scheduler, job) = started_job();
    assert_eq!(job.reschedule(every(20)).unwrap().next_run_time(), NextRunTime::At(at(20)));
}

#[test]
fn pause_resume_remove() {
    let (scheduler, job) = started_job();
    assert_eq!(job.pause().unwrap().next_run_time(), NextRunTime::Paused);
    assert_eq!(job.resume().unwrap().unwrap().next_run_time(), NextRunTime::At(at(10)));
    job.remove().unwrap();
    assert_eq!(scheduler.get_job("a").unwrap(), None);
    assert_eq!(job.remove().unwrap_err().kind(), ErrorKind::JobLookup);
}

#[test]
fn display() {
    let (scheduler, job) = started_job();
    assert_eq!(
        job.to_string(),
        "n (trigger: interval[0:00:10], next run at: 2027-01-01 00:00:10 UTC)"
    );
    assert_eq!(job.pause().unwrap().to_string(), "n (trigger: interval[0:00:10], paused)");
    scheduler.shutdown(Shutdown::Wait).unwrap();
    let waiting = scheduler.add_job(JobBuilder::new("tests::ok").trigger(every(10))).unwrap();
    assert_eq!(waiting.to_string(), "tests::ok (trigger: interval[0:00:10], pending)");
}

#[test]
fn debug() {
    let (_scheduler, job) = started_job();
    assert_eq!(format!("{job:?}"), "<Job (id=a name=n)>");
}

#[test]
fn handles_are_equal_by_id() {
    let (scheduler, job) = started_job();
    assert_eq!(job, job.modify(&JobChanges::new().name("m")).unwrap());
    assert_ne!(job, scheduler.add_job(JobBuilder::new("tests::ok")).unwrap());
}
