//! Listeners receive events: which jobs ran, failed, or were too late.
#![allow(clippy::print_stdout, reason = "an example")]

use std::time::Duration;

use apscheduler::Result;
use apscheduler::prelude::*;
use serde_json::json;

fn main() -> Result<()> {
    let scheduler = BackgroundScheduler::new();
    scheduler.add_listener(EventMask::JOB_EXECUTED | EventMask::JOB_ERROR, |event| match event {
        Event::JobExecuted { job, retval, .. } => println!("{}: returned {retval}", job.id()),
        Event::JobError { job, error, .. } => println!("{}: failed: {error}", job.id()),
        _ => {}
    });
    // Events as JSON, as written by the program with `--events`.
    scheduler.add_listener(EventMask::JOB_MISSED | EventMask::JOB_REMOVED, |event| {
        println!("{}", json!(event));
    });
    scheduler.start()?;

    scheduler.add_job(JobBuilder::new(|| 6 * 7).id("answer"))?;
    let divide = |by: i32| 1_i32.checked_div(by).ok_or("division by zero");
    scheduler.add_job(JobBuilder::new(divide).id("division").arg(0))?;
    scheduler.add_job(JobBuilder::new(|| assert_eq!(1, 2)).id("panic"))?;
    // One hour late; one second is allowed.
    let an_hour_ago = scheduler.clock().now() - chrono::TimeDelta::hours(1);
    let job = JobBuilder::new(|| ()).id("late").trigger(DateTrigger::at(an_hour_ago));
    scheduler.add_job(job)?;

    std::thread::sleep(Duration::from_millis(500));
    scheduler.shutdown(Shutdown::Wait)
}
