//! The tokio executor on its own runtime, on given ones, and on those that end too early.

#![allow(clippy::unwrap_used, reason = "tests")]

mod choice;
mod ended;
mod limits;
mod many;
mod shutdown;

use std::sync::Arc;

use apscheduler_core::event::Event;
use apscheduler_executor_tokio::TokioExecutor;
use apscheduler_testkit::executors::{ExecutorHarness, Flavor, Lab, Setup};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

/// Returns a running scheduler with this executor, started on this thread.
fn lab(make: impl Fn() -> TokioExecutor + Send + Sync + 'static) -> Lab {
    let harness = ExecutorHarness::new("tokio", move |_workers| Arc::new(make()));
    Setup::new(&harness, Flavor::Async).lab(1)
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

fn multi_thread(threads: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(threads).enable_time().build().unwrap()
}

/// Returns the return value of a job that runs once and succeeds.
fn value_of(lab: &Lab, id: &str) -> Value {
    match &lab.events().wait_for(id, 1)[0] {
        Event::JobExecuted { retval, .. } => (**retval).clone(),
        other => panic!("it was not executed: {other:?}"),
    }
}

/// Returns the error message of a job that runs once and fails.
fn error_of(lab: &Lab, id: &str) -> String {
    match &lab.events().wait_for(id, 1)[0] {
        Event::JobError { error, .. } => error.message().to_owned(),
        other => panic!("it did not fail: {other:?}"),
    }
}
