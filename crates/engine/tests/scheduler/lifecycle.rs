//! Start, shutdown, pause, resume.

use apscheduler_core::ErrorKind;
use apscheduler_core::Shutdown;
use apscheduler_core::config::Config;
use apscheduler_core::event::EventMask;
use apscheduler_core::job::{Coalesce, JobBuilder};
use apscheduler_engine::SchedulerState;

use crate::recorder::{Recorder, scheduler};

#[test]
fn start() {
    let scheduler = scheduler();
    let events = Recorder::all(&scheduler);
    scheduler.add_job(JobBuilder::new("tests::ok").id("a")).unwrap();
    assert_eq!(scheduler.state(), SchedulerState::Stopped);
    scheduler.start().unwrap();
    assert_eq!(scheduler.state(), SchedulerState::Running);
    assert_eq!(
        events.names(),
        ["EXECUTOR_ADDED", "JOBSTORE_ADDED", "JOB_ADDED a", "SCHEDULER_STARTED"]
    );
    assert!(scheduler.turn().is_some());
}

#[test]
fn start_paused() {
    let scheduler = scheduler();
    scheduler.add_job(JobBuilder::new("tests::ok")).unwrap();
    let events = Recorder::on(&scheduler, EventMask::JOB_EXECUTED);
    scheduler.start_paused().unwrap();
    assert_eq!(scheduler.state(), SchedulerState::Paused);
    assert_eq!(scheduler.step(), None);
    assert!(events.take().is_empty());
    scheduler.resume().unwrap();
    scheduler.step();
    assert_eq!(events.take().len(), 1);
}

#[test]
fn a_scheduler_that_never_processes_jobs_can_not_be_resumed() {
    let scheduler = scheduler();
    scheduler.never_process().unwrap();
    scheduler.add_job(JobBuilder::new("tests::ok")).unwrap();
    let events = Recorder::on(&scheduler, EventMask::JOB_SUBMITTED);
    scheduler.start().unwrap();
    assert_eq!(scheduler.state(), SchedulerState::Paused);
    assert_eq!(scheduler.resume().unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(scheduler.step(), None);
    assert!(events.take().is_empty());
    assert_eq!(scheduler.never_process().unwrap_err().kind(), ErrorKind::AlreadyRunning);
}

#[test]
fn scheduler_already_running() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    assert_eq!(scheduler.start().unwrap_err().kind(), ErrorKind::AlreadyRunning);
    assert_eq!(scheduler.configure(&Config::new()).unwrap_err().kind(), ErrorKind::AlreadyRunning);
    scheduler.pause().unwrap();
    assert_eq!(scheduler.start().unwrap_err().kind(), ErrorKind::AlreadyRunning);
}

#[test]
fn scheduler_not_running() {
    let scheduler = scheduler();
    for error in [scheduler.shutdown(Shutdown::Wait), scheduler.pause(), scheduler.resume()] {
        assert_eq!(error.unwrap_err().kind(), ErrorKind::NotRunning);
    }
}

#[test]
fn running() {
    let scheduler = scheduler();
    assert!(!scheduler.running());
    scheduler.start().unwrap();
    assert!(scheduler.running());
    scheduler.pause().unwrap();
    assert!(scheduler.running());
    scheduler.shutdown(Shutdown::Wait).unwrap();
    assert!(!scheduler.running());
}

#[test]
fn pause_resume() {
    let scheduler = scheduler();
    let events =
        Recorder::on(&scheduler, EventMask::SCHEDULER_PAUSED | EventMask::SCHEDULER_RESUMED);
    scheduler.start().unwrap();
    scheduler.pause().unwrap();
    scheduler.pause().unwrap();
    assert_eq!(scheduler.state(), SchedulerState::Paused);
    scheduler.resume().unwrap();
    scheduler.resume().unwrap();
    assert_eq!(scheduler.state(), SchedulerState::Running);
    assert_eq!(events.names(), ["SCHEDULER_PAUSED", "SCHEDULER_RESUMED"]);
}

#[test]
fn shutdown() {
    let scheduler = scheduler();
    let events = Recorder::on(&scheduler, EventMask::SCHEDULER_SHUTDOWN);
    scheduler.start().unwrap();
    scheduler.shutdown(Shutdown::Wait).unwrap();
    assert_eq!(scheduler.state(), SchedulerState::Stopped);
    assert_eq!(scheduler.turn(), None);
    assert_eq!(events.names(), ["SCHEDULER_SHUTDOWN"]);
    assert_eq!(scheduler.step(), None);
}

#[test]
fn it_can_be_started_again() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    scheduler.shutdown(Shutdown::Wait).unwrap();
    scheduler.add_job(JobBuilder::new("tests::ok")).unwrap();
    let events = Recorder::on(&scheduler, EventMask::JOB_EXECUTED);
    scheduler.start().unwrap();
    scheduler.step();
    assert_eq!(events.take().len(), 1);
}

#[test]
fn a_failed_start_leaves_everything_stopped() {
    let scheduler = scheduler();
    scheduler.add_job(JobBuilder::new("tests::ok").id("a").jobstore("nowhere")).unwrap();
    let error = scheduler.start().unwrap_err();
    assert_eq!(
        error.to_string(),
        "no job store has the alias `nowhere`; job stores of this scheduler: default"
    );
    assert_eq!(scheduler.state(), SchedulerState::Stopped);
    // The job is still pending; once its store exists, the scheduler starts.
    scheduler.add_jobstore("nowhere", "memory").unwrap();
    scheduler.start().unwrap();
    assert_eq!(scheduler.get_jobs().unwrap().len(), 1);
}

#[test]
fn configure() {
    let scheduler = scheduler();
    let dict = Config::from_flat(
        "apscheduler.",
        [
            ("apscheduler.timezone", "Europe/Helsinki"),
            ("apscheduler.job_defaults.max_instances", "3"),
            ("apscheduler.job_defaults.coalesce", "false"),
            ("apscheduler.executors.other.type", "debug"),
            ("apscheduler.jobstores.other.class", "apscheduler.jobstores.memory:MemoryJobStore"),
        ],
    )
    .unwrap();
    scheduler.configure(&dict.merge(Config::new().timezone(chrono::Utc))).unwrap();
    assert_eq!(scheduler.timezone().to_string(), "UTC");
    assert_eq!(
        (scheduler.job_defaults().max_instances, scheduler.job_defaults().coalesce),
        (3, Coalesce::All)
    );
    assert_eq!(scheduler.executor_aliases(), ["other"]);
    assert_eq!(scheduler.jobstore_aliases(), ["other"]);
}

#[test]
fn configure_invalid_components() {
    let scheduler = scheduler();
    let error = |key: &str, kind: &str| {
        let config = Config::from_flat("", [(format!("{key}.default.type"), kind)]).unwrap();
        scheduler.configure(&config).unwrap_err().to_string()
    };
    assert_eq!(
        error("executors", "debg"),
        "executors.default: unknown executor `debg`; did you mean `debug`? known executors: debug, loop"
    );
    assert_eq!(
        error("jobstores", "memry"),
        "jobstores.default: unknown job store `memry`; did you mean `memory`? known job stores: memory"
    );
}
