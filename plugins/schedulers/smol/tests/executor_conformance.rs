//! The smol executor does what executors do.

use std::process::ExitCode;
use std::sync::Arc;

use apscheduler_scheduler_smol::SmolExecutor;
use apscheduler_testkit::executors::{self, ExecutorHarness, Flavor};

fn main() -> ExitCode {
    let executor = ExecutorHarness::new("smol", |_workers| Arc::new(SmolExecutor::new()));
    executors::run(vec![executor.cancels().keeps_timeouts(Flavor::Async)])
}
