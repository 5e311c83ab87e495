//! A scheduler on a tokio runtime: nothing that may wait blocks the runtime.
#![allow(clippy::print_stdout, reason = "an example")]

use std::time::Duration;

use apscheduler::Result;
use apscheduler::prelude::*;
use tokio::time::sleep;

#[tokio::main]
async fn main() -> Result<()> {
    let scheduler = TokioScheduler::new();
    // A store that does I/O has its own threads; the calls below are made on the blocking pool.
    scheduler.add_jobstore("default", SqliteJobStore::in_memory()).await?;
    scheduler.registry().register_function("example::fetch", |page: u32| async move {
        sleep(Duration::from_millis(20)).await;
        format!("page {page}")
    })?;
    scheduler.add_async_listener(EventMask::JOB_EXECUTED, |event| async move {
        // It may await: the next event is delivered when it has ended.
        if let Event::JobExecuted { job, retval, .. } = event {
            println!("{}: {retval}", job.id());
        }
    })?;
    scheduler.start().await?;

    let every_100_ms = IntervalTrigger::every(Duration::from_millis(100));
    let fetch = JobBuilder::new("example::fetch").args([1.into()]).id("fetch");
    scheduler.add_job(fetch.trigger(every_100_ms)).await?;
    sleep(Duration::from_millis(350)).await;

    scheduler.pause_job("fetch").await?;
    for job in scheduler.get_jobs().await? {
        println!("{job}");
    }
    // Several plain calls at once.
    let count = scheduler
        .call(|scheduler| {
            scheduler.remove_job("fetch")?;
            Ok(scheduler.get_jobs()?.len())
        })
        .await?;
    println!("{count} jobs are left");
    scheduler.shutdown(Shutdown::Wait).await
}
