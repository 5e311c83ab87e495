//! Jobs in SQLite outlive their scheduler: after a restart they continue, and paused jobs stay paused.
#![allow(clippy::print_stdout, reason = "an example")]

use std::thread::sleep;
use std::time::Duration;

use apscheduler::Result;
use apscheduler::prelude::*;

/// Returns a scheduler on the file, with the function that its jobs name.
fn scheduler(path: &std::path::Path) -> Result<BackgroundScheduler> {
    let registry = apscheduler::builtin::new_registry();
    // A store keeps the names of functions, so the function is registered by name.
    registry.register_function("greet", |name: String| println!("hello, {name}"))?;
    let clock = std::sync::Arc::new(apscheduler::time::SystemClock);
    let scheduler = BackgroundScheduler::builder().registry(registry).clock(clock).build()?;
    scheduler.add_jobstore("default", SqliteJobStore::open(path))?;
    Ok(scheduler)
}

fn main() -> Result<()> {
    let folder = tempfile::tempdir().map_err(|error| {
        Error::new(ErrorKind::Io, "can't make a temporary folder").with_source(error)
    })?;
    let path = folder.path().join("jobs.sqlite");

    println!("-- first start");
    let first = scheduler(&path)?;
    first.start()?;
    for name in ["Ada", "Grace"] {
        let every_second = IntervalTrigger::every(Duration::from_secs(1));
        let job = JobBuilder::new("greet").id(name).name(format!("greet {name}")).arg(name);
        // With an id and `replace_existing`, a program that adds its jobs at each start does not add duplicates.
        first.add_job(job.trigger(every_second).replace_existing(true))?;
    }
    sleep(Duration::from_millis(2500));
    first.pause_job("Grace")?;
    first.shutdown(Shutdown::Wait)?;

    println!("-- not running");
    sleep(Duration::from_secs(2));

    println!("-- second start");
    let second = scheduler(&path)?;
    second.start()?;
    second.print_jobs(&mut std::io::stdout())?;
    sleep(Duration::from_millis(1500));
    second.resume_job("Grace")?;
    sleep(Duration::from_millis(1500));
    second.shutdown(Shutdown::Wait)
}
