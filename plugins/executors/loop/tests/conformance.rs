//! The executor for the event loop keeps the promises of executors.

use std::process::ExitCode;
use std::sync::Arc;

use apscheduler_executor_loop::LoopExecutor;
use apscheduler_testkit::executors::{self, ExecutorHarness};

fn main() -> ExitCode {
    // A job holds the loop, so nothing queues behind it that the suite could see.
    executors::run(vec![ExecutorHarness::new("loop", |_workers| {
        Arc::new(LoopExecutor::new()) as _
    })])
}
