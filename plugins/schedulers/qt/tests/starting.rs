//! Where a scheduler can be started, and what a job can do on the thread of the application.

mod application;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use apscheduler_core::ErrorKind;
use apscheduler_core::Shutdown;
use apscheduler_core::function::JobContext;
use apscheduler_core::job::JobBuilder;
use apscheduler_engine::JobContextExt as _;
use apscheduler_engine::SchedulerState;
use apscheduler_scheduler_qt::QtScheduler;
use apscheduler_testkit::TestPlugins;

const NOT_HERE: &str = "this is not the thread of a Qt application: create the `QApplication` first, and start the scheduler in its thread";

fn new() -> QtScheduler<TestPlugins> {
    let scheduler = QtScheduler::<TestPlugins>::new();
    scheduler.add_executor("default", "loop").expect("a new alias");
    scheduler
}

fn refused(scheduler: &QtScheduler<TestPlugins>) {
    let error = scheduler.start().expect_err("it can't run here");
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::NotRunning, NOT_HERE));
    assert_eq!(scheduler.state(), SchedulerState::Stopped);
}

fn a_start_without_an_application_is_an_error() {
    let scheduler = new();
    refused(&scheduler);
    std::thread::spawn(|| refused(&new())).join().expect("no panic");
    // It can be started later.
    application::run(Box::new(move || {
        scheduler.start().expect("there is an application");
        std::thread::spawn(|| refused(&new())).join().expect("no panic");
        scheduler.shutdown(Shutdown::Wait).expect("it runs");
        application::quit();
    }));
}

fn an_application_that_ends_first_ends_the_scheduler() {
    let scheduler = Arc::new(new());
    let owner = Arc::clone(&scheduler);
    application::run(Box::new(move || {
        owner.start().expect("there is an application");
        // Usually before the first turn.
        application::quit();
    }));
    scheduler.wait_until_stopped();
    let error = scheduler.shutdown(Shutdown::Wait).expect_err("it does not run");
    assert_eq!(error.to_string(), "the scheduler is not running: its event loop has ended");
}

fn a_job_that_runs_the_loop_delays_no_other() {
    let done = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&done);
    let scheduler = Arc::new(new());
    let owner = Arc::clone(&scheduler);
    let job = move |job: &JobContext| {
        let set = Arc::clone(&seen);
        let other = JobBuilder::new(move || set.store(true, Ordering::SeqCst)).id("inner");
        let scheduler = job.scheduler().expect("it runs in this process");
        scheduler.add_job(other).expect("a valid job");
        let since = Instant::now();
        while !seen.load(Ordering::SeqCst) && since.elapsed() < Duration::from_secs(30) {
            application::process_events();
        }
        // Ends the timer in the event loop within its own turn.
        scheduler.shutdown(Shutdown::Wait).expect("it runs");
        application::quit();
    };
    application::run(Box::new(move || {
        owner.add_job(JobBuilder::new(job).id("outer")).expect("a valid job");
        owner.start().expect("there is an application");
    }));
    assert!(done.load(Ordering::SeqCst), "the inner job did not run within the outer");
    assert_eq!(scheduler.state(), SchedulerState::Stopped);
}

/// Applications must run on the main thread.
fn main() {
    a_start_without_an_application_is_an_error();
    an_application_that_ends_first_ends_the_scheduler();
    a_job_that_runs_the_loop_delays_no_other();
}
