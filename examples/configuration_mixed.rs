//! The third of the three ways to configure a scheduler: an existing one, with a mix of objects and names.
#![allow(dead_code, reason = "used by a test, without `main`")]
#![allow(clippy::print_stdout, reason = "an example")]

use apscheduler::Result;
use apscheduler::prelude::*;

/// Returns a scheduler whose SQLite store is the file `path`.
pub(crate) fn scheduler(path: &str) -> Result<BackgroundScheduler> {
    let scheduler = BackgroundScheduler::new();

    // Do something else here, maybe add jobs.

    let config = Config::new()
        // `mongodb` needs a server and the feature `store-mongodb`; this example uses memory instead.
        .jobstore("mongo", "memory")
        .jobstore("default", SqliteJobStore::open(path))
        .executor("default", ComponentConfig::new("threadpool").option("max_workers", 20))
        .executor("processpool", ProcessPoolExecutor::new(5))
        .job_defaults(JobDefaults::new().coalesce(false).max_instances(3))
        .timezone(Zone::UTC);
    scheduler.configure(&config)?;
    Ok(scheduler)
}

fn main() -> Result<()> {
    // Worker processes run this same program, and never get past this line.
    apscheduler::init_worker();
    let scheduler = scheduler("jobs.sqlite")?;
    println!("stores: {:?}", scheduler.jobstore_aliases());
    println!("executors: {:?}", scheduler.executor_aliases());
    scheduler.start()?;
    scheduler.shutdown(Shutdown::Wait)
}
