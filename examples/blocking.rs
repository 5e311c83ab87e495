//! A program that only runs a scheduler: `start` returns when it has been shut down, here by a job.
#![allow(clippy::print_stdout, reason = "an example")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use apscheduler::Result;
use apscheduler::prelude::*;

fn main() -> Result<()> {
    let scheduler = BlockingScheduler::new();
    let left = AtomicU32::new(5);
    let count_down = move |context: &JobContext| {
        let left = left.fetch_sub(1, Ordering::SeqCst) - 1;
        println!("{left}");
        if left == 0
            && let Some(scheduler) = context.scheduler()
        {
            // All methods can be called from within a job. The shutdown does not wait for this job.
            scheduler.shutdown(Shutdown::Wait)?;
        }
        Ok::<(), Error>(())
    };
    let every_second = IntervalTrigger::every(Duration::from_secs(1));
    scheduler.add_job(JobBuilder::new(count_down).trigger(every_second))?;
    scheduler.start()
}
