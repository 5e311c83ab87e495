//! Calls from within a job or a listener work, without deadlock.

use std::sync::mpsc::channel;

use apscheduler_core::Shutdown;
use apscheduler_core::event::EventMask;
use apscheduler_core::function::JobContext;
use apscheduler_core::job::{JobBuilder, JobChanges};
use apscheduler_engine::JobContextExt as _;
use apscheduler_engine::SchedulerState;
use apscheduler_engine::schedulers::{BackgroundScheduler, BlockingScheduler};
use apscheduler_testkit::TestPlugins;
use chrono::TimeDelta;

use crate::recorder::{every, scheduler};

#[test]
fn a_job_may_change_the_scheduler_that_runs_it() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    let (sender, receiver) = channel();
    let job = move |context: &JobContext| {
        let scheduler = context.scheduler().unwrap();
        scheduler.add_job(JobBuilder::new("tests::ok").id("other").next_run_time(None)).unwrap();
        scheduler.modify_job("other", &JobChanges::new().name("n")).unwrap();
        scheduler.pause_job(context.job_id()).unwrap();
        scheduler.resume_job(context.job_id()).unwrap();
        assert_eq!(scheduler.get_jobs().unwrap().len(), 2);
        scheduler.remove_job(context.job_id()).unwrap();
        scheduler.add_executor("late", "debug").unwrap();
        scheduler.add_jobstore("late", "memory").unwrap();
        scheduler.pause().unwrap();
        scheduler.resume().unwrap();
        sender.send((context.job_id().to_owned(), context.scheduled_run_time())).unwrap();
    };
    scheduler.add_job(JobBuilder::new(job).id("a").trigger(every(10))).unwrap();
    scheduler.advance(TimeDelta::seconds(10));
    assert_eq!(receiver.try_recv().unwrap(), ("a".to_owned(), crate::recorder::at(10)));
    assert_eq!(scheduler.get_job("a").unwrap(), None);
}

#[test]
fn a_job_may_shut_its_scheduler_down() {
    for shutdown in [Shutdown::Wait, Shutdown::Now] {
        let scheduler = scheduler();
        scheduler.start().unwrap();
        let job =
            move |context: &JobContext| context.scheduler().unwrap().shutdown(shutdown).unwrap();
        scheduler.add_job(JobBuilder::new(job)).unwrap();
        scheduler.step();
        assert_eq!(scheduler.state(), SchedulerState::Stopped);
    }
}

#[test]
fn a_listener_may_shut_its_scheduler_down() {
    for mask in [EventMask::SCHEDULER_STARTED, EventMask::JOB_SUBMITTED, EventMask::JOB_EXECUTED] {
        let scheduler = scheduler();
        let inner = scheduler.handle();
        scheduler.add_listener(mask, move |_| inner.shutdown(Shutdown::Wait).unwrap());
        scheduler.add_job(JobBuilder::new("tests::ok")).unwrap();
        scheduler.start().unwrap();
        scheduler.step();
        assert_eq!(scheduler.state(), SchedulerState::Stopped, "{mask:?}");
    }
}

#[test]
fn a_background_scheduler_is_shut_down_by_its_job() {
    let scheduler: BackgroundScheduler<TestPlugins> = BackgroundScheduler::new();
    scheduler.add_executor("default", "debug").unwrap();
    let (sender, receiver) = channel();
    scheduler.add_listener(EventMask::SCHEDULER_SHUTDOWN, move |_| sender.send(()).unwrap());
    let job = |context: &JobContext| context.scheduler().unwrap().shutdown(Shutdown::Wait).unwrap();
    scheduler.add_job(JobBuilder::new(job)).unwrap();
    scheduler.start().unwrap();
    receiver.recv().unwrap();
    assert!(!scheduler.running());
}

#[test]
fn a_blocking_scheduler_returns_when_a_listener_shuts_it_down() {
    let scheduler: BlockingScheduler<TestPlugins> = BlockingScheduler::new();
    scheduler.add_executor("default", "debug").unwrap();
    let inner = scheduler.handle();
    scheduler
        .add_listener(EventMask::JOB_EXECUTED, move |_| inner.shutdown(Shutdown::Wait).unwrap());
    scheduler.add_job(JobBuilder::new(|| ())).unwrap();
    scheduler.start().unwrap();
    assert!(!scheduler.running());
}
