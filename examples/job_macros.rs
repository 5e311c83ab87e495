//! Attributes for functions: `#[job]` registers them, `#[scheduled_job]` also declares a job.
#![allow(clippy::print_stdout, reason = "an example")]

use std::time::Duration;

use apscheduler::Result;
use apscheduler::prelude::*;
use serde_json::json;

/// Its name stays `shop::ship`, even if the code is moved.
#[job(name = "shop::ship")]
fn ship(context: &JobContext, order: u64, #[job(default)] express: bool) {
    println!("{}: order {order}, express: {express}", context.job_id());
}

/// A declared job, added by `add_declared_jobs`.
#[scheduled_job("interval", id = "tick", seconds = 1)]
fn tick() {
    println!("tick");
}

/// Async functions run in the thread pool too, unless they need a runtime.
#[job]
async fn answer() -> u32 {
    std::future::ready(42).await
}

fn main() -> Result<()> {
    let scheduler = BackgroundScheduler::new();
    scheduler.add_listener(EventMask::JOB_EXECUTED, |event| println!("{}", json!(event)));
    scheduler.add_declared_jobs()?;
    scheduler.add_job(JobBuilder::registered(ship).id("a").kwarg("order", 42))?;
    scheduler.add_job(JobBuilder::new("shop::ship").id("b").arg(43).kwarg("express", true))?;
    scheduler.add_job(JobBuilder::registered(answer).id("c"))?;
    scheduler.start()?;
    std::thread::sleep(Duration::from_millis(2500));
    scheduler.shutdown(Shutdown::Wait)
}
