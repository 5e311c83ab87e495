//! The tokio executor on runtimes of all sorts: its own, those of others, and those that end too early.

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

/// A running scheduler with this executor, started in this thread.
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

/// What the only run of a job returned that ends well.
fn value_of(lab: &Lab, id: &str) -> Value {
    match &lab.events().wait_for(id, 1)[0] {
        Event::JobExecuted { retval, .. } => (**retval).clone(),
        other => panic!("it was not executed: {other:?}"),
    }
}

/// The message with which the only run of a job failed.
fn error_of(lab: &Lab, id: &str) -> String {
    match &lab.events().wait_for(id, 1)[0] {
        Event::JobError { error, .. } => error.message().to_owned(),
        other => panic!("it did not fail: {other:?}"),
    }
}
