//! Tests the function with a server on the loopback interface.

#![allow(clippy::unwrap_used, reason = "tests")]

mod addresses;
mod answers;
mod certificates;
mod ends;
mod redirects;
mod requests;
mod server;

use std::sync::mpsc::channel;

use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::job::JobBuilder;
use apscheduler_core::time::SystemClock;
use apscheduler_engine::schedulers::BackgroundScheduler;
use apscheduler_testkit::TestPlugins;
use serde_json::Value;

/// The result of a run: the value or the error message.
type Ended = Result<Value, String>;

fn scheduler() -> BackgroundScheduler<TestPlugins> {
    let registry = apscheduler_testkit::registry();
    registry.add_function(apscheduler_function_http::function()).unwrap();
    let scheduler: BackgroundScheduler<TestPlugins> = BackgroundScheduler::builder()
        .registry(registry)
        .clock(std::sync::Arc::new(SystemClock))
        .build()
        .unwrap();
    scheduler.add_executor("default", "debug").unwrap();
    scheduler
}

/// Runs the function as a job.
fn call(kwargs: &Value) -> Ended {
    call_job(&scheduler(), JobBuilder::new("http").kwargs(kwargs.as_object().unwrap().clone()))
}

fn call_job(scheduler: &BackgroundScheduler<TestPlugins>, job: JobBuilder) -> Ended {
    let (sender, receiver) = channel();
    scheduler.add_listener(EventMask::JOB_EXECUTED | EventMask::JOB_ERROR, move |event| {
        let outcome = match event {
            Event::JobExecuted { retval, .. } => Ok((**retval).clone()),
            Event::JobError { error, .. } => Err(error.to_string()),
            other => panic!("{other:?}"),
        };
        let _ = sender.send(outcome);
    });
    scheduler.add_job(job).map_err(|error| error.chain())?;
    scheduler.start().unwrap();
    receiver.recv().unwrap()
}
