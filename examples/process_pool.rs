//! Jobs in worker processes: one that crashes affects no other, and one that takes too long is killed.
#![allow(clippy::print_stdout, reason = "an example")]

use std::sync::mpsc::channel;
use std::thread::sleep;
use std::time::Duration;

use apscheduler::prelude::*;

/// Workers find functions by name, so their jobs need registered functions.
#[job]
fn sum(numbers: Vec<u64>) -> u64 {
    numbers.into_iter().sum()
}

#[job]
fn crash() {
    println!("the output of jobs is the output of the program");
    std::process::abort();
}

#[job]
fn take_an_hour() {
    sleep(Duration::from_secs(3600));
}

fn main() -> apscheduler::Result<()> {
    // The worker hook: a worker runs this same program, and never gets past this line.
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

    // A closure has no name, so it can't be sent to another process.
    if let Err(error) = scheduler.add_job(JobBuilder::new(|| ()).id("closure")) {
        println!("refused: {error}");
    }
    scheduler.shutdown(Shutdown::Wait)
}
