//! A scheduler on its own thread: the program continues with something else.
#![allow(clippy::print_stdout, reason = "an example")]

use std::thread::sleep;
use std::time::Duration;

use apscheduler::Result;
use apscheduler::prelude::*;

fn main() -> Result<()> {
    let scheduler = BackgroundScheduler::new();
    let every_second = IntervalTrigger::every(Duration::from_secs(1));
    scheduler.add_job(JobBuilder::new(|| println!("tick")).id("tick").trigger(every_second))?;
    // Without a trigger: once, now.
    scheduler.add_job(JobBuilder::new(|| println!("the scheduler has been started")))?;
    scheduler.start()?;

    println!("something else");
    sleep(Duration::from_millis(2500));
    scheduler.pause_job("tick")?;
    println!("no ticks for two seconds");
    sleep(Duration::from_secs(2));
    scheduler.resume_job("tick")?;
    sleep(Duration::from_millis(2500));

    // Waits for jobs that are running.
    scheduler.shutdown(Shutdown::Wait)
}
