//! A scheduler on smol: an async program without tokio.
#![allow(clippy::print_stdout, reason = "an example")]

use std::time::Duration;

use apscheduler::Result;
use apscheduler::prelude::*;
use smol::Timer;

fn main() -> Result<()> {
    smol::block_on(async {
        let scheduler = SmolScheduler::new();
        scheduler.start().await?;
        let mut events = scheduler.events(EventMask::JOB_EXECUTED);

        let every_100_ms = IntervalTrigger::every(Duration::from_millis(100));
        let job = || async {
            Timer::after(Duration::from_millis(20)).await;
            "done"
        };
        scheduler.add_job(JobBuilder::new(job).id("work").trigger(every_100_ms)).await?;

        // Events are available as a stream too: here those of three runs.
        for _ in 0..3 {
            if let Some(Event::JobExecuted { job, retval, .. }) = events.next().await {
                println!("{}: {retval}", job.id());
            }
        }
        scheduler.remove_job("work").await?;
        scheduler.shutdown(Shutdown::Wait).await
    })
}
