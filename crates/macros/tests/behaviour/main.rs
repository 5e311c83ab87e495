//! Functions with `#[job]` and `#[scheduled_job]`, from the attribute to the event.
#![allow(clippy::unwrap_used, clippy::unnecessary_wraps, reason = "tests")]

mod arguments;
mod asynchronous;
mod declared;
mod names;
mod outcomes;

use std::sync::{Arc, Mutex};

use apscheduler::builtin;
use apscheduler::event::{Event, EventMask};
use apscheduler::function::Arguments;
use apscheduler::job::JobBuilder;
use apscheduler::registry::Registry;
use apscheduler_testkit::SteppedScheduler;
use serde_json::{Value, json};

const START: &str = "2027-01-01T00:00:00Z";

/// Returns a scheduler with all plugins and functions of this program.
fn scheduler() -> SteppedScheduler {
    SteppedScheduler::new(builtin::new_registry(), START)
}

/// The outcome of a run: a value, or the text of an error.
type Outcome = Result<Value, String>;

/// Adds a job that runs now, runs it, and returns its outcome.
fn try_run(scheduler: &SteppedScheduler, job: JobBuilder) -> apscheduler::Result<Outcome> {
    let outcome = Arc::new(Mutex::new(None));
    let told = Arc::clone(&outcome);
    scheduler.add_listener(EventMask::JOB_EXECUTED | EventMask::JOB_ERROR, move |event| {
        *told.lock().unwrap() = match event {
            Event::JobExecuted { retval, .. } => Some(Ok((**retval).clone())),
            Event::JobError { error, .. } => Some(Err(error.to_string())),
            _ => None,
        };
    });
    scheduler.add_job(job)?;
    scheduler.start()?;
    scheduler.step();
    let outcome = outcome.lock().unwrap().take();
    Ok(outcome.expect("the job ran"))
}

fn run(job: JobBuilder) -> Outcome {
    try_run(&scheduler(), job).unwrap()
}

/// Returns a job that calls a function of this program.
fn job(function: &str, args: Value, kwargs: Value) -> JobBuilder {
    let (Value::Array(args), Value::Object(kwargs)) = (args, kwargs) else {
        panic!("args are an array, kwargs are a table")
    };
    JobBuilder::new(format!("behaviour::{function}")).args(args).kwargs(kwargs)
}

fn call(function: &str, args: Value, kwargs: Value) -> Outcome {
    run(job(function, args, kwargs))
}

/// Returns the error of adding a job with these arguments.
fn refusal(function: &str, args: Value, kwargs: Value) -> String {
    let error = scheduler().add_job(job(function, args, kwargs)).unwrap_err();
    error.message().to_owned()
}

#[test]
fn arguments_are_checked_without_a_scheduler_too() {
    let registry: Registry = builtin::new_registry();
    let function = registry.function("behaviour::arguments::add").unwrap();
    let fits = Arguments::new(vec![json!(1), json!(2)], serde_json::Map::new());
    assert!(function.check(&fits).is_ok());
    assert!(function.check(&Arguments::default()).is_err());
}
