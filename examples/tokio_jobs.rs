//! Jobs on a tokio runtime: async functions as tasks, plain ones on its blocking pool.
#![allow(clippy::print_stdout, reason = "an example")]

use std::time::Duration;

use apscheduler::Result;
use apscheduler::executor_tokio::TokioOptions;
use apscheduler::prelude::*;
use tokio::time::sleep;

/// Works until it is told to end, and then cleans up.
async fn listen(context: JobContext) -> &'static str {
    tokio::select! {
        () = sleep(Duration::from_secs(3600)) => "an hour has passed",
        () = context.cancellation().cancelled() => "told to end",
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let scheduler = BackgroundScheduler::new();
    scheduler.add_listener(EventMask::JOB_EXECUTED | EventMask::JOB_ERROR, |event| match event {
        Event::JobExecuted { job, retval, .. } => println!("{}: {retval}", job.id()),
        Event::JobError { job, error, .. } => println!("{}: {error}", job.id()),
        _ => {}
    });
    // Uses the runtime of `main`; in a program without one, the executor creates a runtime.
    let options = TokioOptions::default().cancel_grace_time(Duration::from_millis(200));
    scheduler.add_executor("default", TokioExecutor::with_options(&options)?)?;
    scheduler.start()?;

    for number in 0..3 {
        let job = move || async move {
            sleep(Duration::from_millis(100)).await;
            number
        };
        scheduler.add_job(JobBuilder::new(job).id(format!("task {number}")))?;
    }
    scheduler.add_job(JobBuilder::new(|| "may block").id("plain"))?;
    scheduler.add_job(JobBuilder::new(listen).id("listen").timeout(Duration::from_millis(300)))?;
    // Ignores its token: it is dropped after the grace time.
    let deaf = || sleep(Duration::from_secs(3600));
    scheduler.add_job(JobBuilder::new(deaf).id("deaf").timeout(Duration::from_millis(300)))?;

    sleep(Duration::from_secs(1)).await;
    // In a current-thread runtime this would not wait for the jobs: call it in `spawn_blocking` there.
    scheduler.shutdown(Shutdown::Wait)
}
