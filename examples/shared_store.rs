//! Two schedulers share one store: every fire is run by one of them, whichever claims it first.
#![allow(clippy::print_stdout, reason = "an example")]

use std::path::Path;
use std::time::Duration;

use apscheduler::Result;
use apscheduler::prelude::*;

/// Returns a scheduler on the file; its jobs print which scheduler ran them.
fn scheduler(name: &'static str, path: &Path) -> Result<BackgroundScheduler> {
    let registry = apscheduler::builtin::new_registry();
    registry.register_function("work", move |context: &JobContext| {
        println!("{name}: {} of {}", context.job_id(), context.scheduled_run_time());
    })?;
    let scheduler = BackgroundScheduler::builder().registry(registry).build()?;
    scheduler.add_jobstore("default", SqliteJobStore::open(path))?;
    Ok(scheduler)
}

fn main() -> Result<()> {
    let folder = tempfile::tempdir().map_err(|error| {
        Error::new(ErrorKind::Io, "can't make a temporary folder").with_source(error)
    })?;
    let path = folder.path().join("jobs.sqlite");
    // In one program for the example; usually they are two processes.
    let (left, right) = (scheduler("left", &path)?, scheduler("right", &path)?);
    left.start()?;
    right.start()?;
    for id in ["a", "b", "c"] {
        let every_second = IntervalTrigger::every(Duration::from_secs(1));
        left.add_job(JobBuilder::new("work").id(id).trigger(every_second))?;
    }
    std::thread::sleep(Duration::from_millis(3500));
    left.shutdown(Shutdown::Wait)?;
    right.shutdown(Shutdown::Wait)
}
