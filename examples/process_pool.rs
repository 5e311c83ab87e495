//! Jobs in worker processes: one that crashes takes nothing with it, and one that takes too long is ended.
#![allow(clippy::print_stdout, reason = "an example")]

use std::sync::mpsc::channel;
use std::thread::sleep;
use std::time::Duration;

use apscheduler::prelude::*;

/// Workers know functions by their names, so a job for them is a registered function.
#[job]
fn sum(numbers: Vec<u64>) -> u64 {
    numbers.into_iter().sum()
}

#[job]
fn crash() {
    println!("what a job prints goes where the program's output goes");
    std::process::abort();
}

#[job]
fn take_an_hour() {
    sleep(Duration::from_secs(3600));
}

fn main() -> apscheduler::Result<()> {
    // The worker hook: a worker is this very program, and goes no further than this line.
    apscheduler::init_worker();

    let scheduler = BackgroundScheduler::new();
    scheduler.add_executor("default", ProcessPoolExecutor::new(2))?;
    let (sender, outcomes) = channel();
    scheduler.add_listener(EventMask::JOB_EXECUTED | EventMask::JOB_ERROR, move |event| {
        drop(sender.send(match event {
            Event::JobExecuted { job, retval, .. } => format!("{}: {retval}", job.id()),
            Event::JobError { job, error, .. } => format!("{} failed: {error}", job.id()),
            _ => String::new(),
        }));
    });
    scheduler.start()?;

    scheduler.add_job(JobBuilder::registered(sum).id("sum").arg([1, 2, 3]))?;
    scheduler.add_job(JobBuilder::registered(crash).id("crash"))?;
    let hour = JobBuilder::registered(take_an_hour).id("hour").timeout(Duration::from_millis(300));
    scheduler.add_job(hour)?;
    for outcome in outcomes.iter().take(3) {
        println!("{outcome}");
    }

    // A closure has no name, and can't leave the process.
    if let Err(error) = scheduler.add_job(JobBuilder::new(|| ()).id("closure")) {
        println!("refused: {error}");
    }
    scheduler.shutdown(Shutdown::Wait)
}
