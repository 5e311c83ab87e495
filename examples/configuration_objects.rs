//! The first of the three ways to configure a scheduler: objects, created in code.
//!
//! All three give the same scheduler: a store `mongo`, a store `default` on SQLite, a pool of 20 threads, a pool of 5
//! processes, UTC, no coalescing, and at most 3 instances of a job at once.
#![allow(dead_code, reason = "used by a test, without `main`")]
#![allow(clippy::print_stdout, reason = "an example")]

use apscheduler::Result;
use apscheduler::prelude::*;

/// Returns a scheduler whose SQLite store is the file `path`.
pub(crate) fn scheduler(path: &str) -> Result<BackgroundScheduler> {
    let config = Config::new()
        // `mongodb` needs a server and the feature `store-mongodb`; this example uses memory instead.
        .jobstore("mongo", MemoryJobStore::new())
        .jobstore("default", SqliteJobStore::open(path))
        .executor("default", ThreadPoolExecutor::new(20))
        .executor("processpool", ProcessPoolExecutor::new(5))
        .job_defaults(JobDefaults::new().coalesce(false).max_instances(3))
        .timezone(Zone::UTC);
    BackgroundScheduler::builder().config(config).build()
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
