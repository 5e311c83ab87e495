//! What jobs can call: closures, functions with arguments, functions that fail, and registered functions.
#![allow(clippy::print_stdout, reason = "an example")]

use std::time::Duration;

use apscheduler::Result;
use apscheduler::function::{Function, Json};
use apscheduler::prelude::*;
use serde_json::json;

/// Positional arguments are deserialized into the types of the parameters.
fn ship(order: u64, parcels: Vec<String>) -> String {
    let last = parcels.into_iter().next_back().unwrap_or_default();
    format!("shipped order {order}, last parcel {last}")
}

/// The context describes the run. `?` works on every error.
fn report(context: &JobContext) -> Result<Json<Vec<String>>, std::io::Error> {
    println!("{} was due at {}", context.job_name(), context.scheduled_run_time());
    let read = std::fs::read_to_string("/no/such/file")?;
    Ok(Json(read.lines().map(str::to_owned).collect()))
}

/// Keyword arguments are deserialized into a struct.
#[derive(serde::Deserialize)]
struct Ring {
    bell: String,
    #[serde(default)]
    times: u32,
}

/// State that the application passes to its jobs.
struct Greeting(&'static str);

fn main() -> Result<()> {
    let scheduler = BackgroundScheduler::new();
    scheduler.add_listener(EventMask::JOB_EXECUTED | EventMask::JOB_ERROR, |event| match event {
        Event::JobExecuted { retval, .. } => println!("returned {retval}"),
        Event::JobError { error, .. } => println!("failed: {error}"),
        _ => {}
    });
    scheduler.insert_extension(Greeting("good morning"));
    scheduler.start()?;

    scheduler.add_job(JobBuilder::new(ship).args([json!(42), json!(["a", "b"])]))?;
    scheduler.add_job(JobBuilder::new(report).name("the report"))?;
    let greet = |context: &JobContext| context.extension::<Greeting>().map(|greeting| greeting.0);
    scheduler.add_job(JobBuilder::new(greet))?;

    // A registered function can be stored, and named in a config file.
    let ring = Function::with_kwargs("shop::ring", |_context, ring: Ring| {
        format!("{} rings {} times", ring.bell, ring.times)
    });
    scheduler.registry().add_function(ring)?;
    scheduler.add_job(JobBuilder::new("shop::ring").kwarg("bell", "the door").kwarg("times", 2))?;

    // Wrong arguments are refused when the job is added.
    let mistake = JobBuilder::new("shop::ring").kwarg("bel", "the door");
    if let Err(error) = scheduler.add_job(mistake.id("mistake")) {
        println!("refused: {error}");
    }

    std::thread::sleep(Duration::from_millis(500));
    scheduler.shutdown(Shutdown::Wait)
}
