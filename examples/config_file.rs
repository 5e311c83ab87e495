//! A program that reads its jobs from a file: the file names functions of the program.
#![allow(clippy::print_stdout, reason = "an example")]

use std::time::Duration;

use apscheduler::Result;
use apscheduler::file::JobsFile;
use apscheduler::prelude::*;
use serde_json::json;

const FILE: &str = r#"
timezone = "Europe/Helsinki"

[executors.default]
type = "threadpool"
max_workers = 4

[[jobs]]
id = "greeting"
func = "greet"
args = ["${USER:-you}"]
trigger = { type = "interval", seconds = 1 }

[[jobs]]
id = "date"
func = "command"
kwargs = { argv = ["date"] }
trigger = { type = "cron", second = "*/2" }
"#;

fn main() -> Result<()> {
    let io = |error| Error::new(ErrorKind::Io, "can't write the jobs file").with_source(error);
    let folder = tempfile::tempdir().map_err(io)?;
    let path = folder.path().join("jobs.toml");
    std::fs::write(&path, FILE).map_err(io)?;

    let scheduler = BackgroundScheduler::new();
    scheduler.registry().register_function("greet", |name: String| println!("hello, {name}"))?;
    scheduler.add_listener(EventMask::JOB_EXECUTED, |event| println!("{}", json!(event)));
    let file = JobsFile::load(&path)?;
    file.configure(&scheduler)?;
    let applied = file.start(&scheduler)?;
    println!("{applied}");
    std::thread::sleep(Duration::from_secs(4));
    scheduler.shutdown(Shutdown::Wait)
}
