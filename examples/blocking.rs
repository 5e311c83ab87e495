//! A scheduler that is all that the program does: `start` returns when it has been shut down, here by a job.
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
            // All methods work from within a job. It does not wait for this very job.
            scheduler.shutdown(Shutdown::Wait)?;
        }
        Ok::<(), Error>(())
    };
    let every_second = IntervalTrigger::every(Duration::from_secs(1));
    scheduler.add_job(JobBuilder::new(count_down).trigger(every_second))?;
    scheduler.start()
}
