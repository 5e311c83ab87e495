//! What became of each run: retries, runs that overlap, a job that follows another one, a backfill, and why.
#![allow(clippy::print_stdout, reason = "an example")]

use std::time::Duration;

use apscheduler::function::JobError;
use apscheduler::job::{Overlap, Retry};
use apscheduler::ledger::{History, RunQuery};
use apscheduler::prelude::*;
use apscheduler::trigger::After;
use apscheduler::{Backfill, Error};

/// Fails at the first attempt of each run.
fn extract(context: &JobContext) -> Result<&'static str, JobError> {
    if context.attempt() == 1 {
        return Err(JobError::new("the source is busy"));
    }
    std::thread::sleep(Duration::from_millis(1500));
    Ok("42 rows")
}

fn main() -> Result<(), Error> {
    let scheduler = BackgroundScheduler::new();
    // A store in memory keeps records only if it is asked to; durable stores always do.
    scheduler.configure(&Config::new().history(History::All))?;
    scheduler.start()?;
    let begun = scheduler.clock().now();

    let retry = Retry::new(3).delay(Duration::from_millis(200));
    let extract = JobBuilder::new(extract)
        .id("extract")
        .trigger(IntervalTrigger::every(Duration::from_secs(1)))
        .retry(retry)
        // A run that finds another one running waits for its end; further ones are skipped.
        .overlap(Overlap::BufferOne);
    scheduler.add_job(extract)?;
    let follow = AfterTrigger::new([After::new("extract")])?;
    scheduler.add_job(JobBuilder::new(|| println!("a report")).id("report").trigger(follow))?;
    std::thread::sleep(Duration::from_secs(6));

    println!("\nWhat was recorded, the latest first:");
    for run in scheduler.runs(&RunQuery::new())? {
        let reason = run.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
        let (job, attempt, state) = (&run.job_id, run.attempt, run.state);
        println!("{}  {job}, attempt {attempt}: {state}{reason}", run.scheduled_run_time);
    }

    println!("\nWhy the next report is not there yet:");
    println!("{}", scheduler.why("report", None)?);

    scheduler.pause_job("extract")?;
    let past = Backfill::new(begun, scheduler.clock().now());
    let backfill = scheduler.backfill("extract", &past)?;
    println!("\nThe backfill runs {} run times that were skipped.", backfill.runs.len());
    scheduler.shutdown(Shutdown::Wait)
}
