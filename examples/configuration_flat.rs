//! The second of the three ways to configure a scheduler: one flat dict of text, as from an INI file or the
//! environment.
#![allow(dead_code, reason = "used by a test, without `main`")]
#![allow(clippy::print_stdout, reason = "an example")]

use apscheduler::Result;
use apscheduler::prelude::*;

/// Returns a scheduler whose SQLite store is the file `path`.
pub(crate) fn scheduler(path: &str) -> Result<BackgroundScheduler> {
    let url = format!("sqlite:///{path}");
    let config = Config::from_flat(
        "apscheduler.",
        [
            // `mongodb` needs a server and the feature `store-mongodb`; this example uses memory instead.
            ("apscheduler.jobstores.mongo.type", "memory"),
            ("apscheduler.jobstores.default.type", "sqlalchemy"),
            ("apscheduler.jobstores.default.url", url.as_str()),
            (
                "apscheduler.executors.default.class",
                "apscheduler.executors.pool:ThreadPoolExecutor",
            ),
            ("apscheduler.executors.default.max_workers", "20"),
            ("apscheduler.executors.processpool.type", "processpool"),
            ("apscheduler.executors.processpool.max_workers", "5"),
            ("apscheduler.job_defaults.coalesce", "false"),
            ("apscheduler.job_defaults.max_instances", "3"),
            ("apscheduler.timezone", "UTC"),
        ],
    )?;
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
