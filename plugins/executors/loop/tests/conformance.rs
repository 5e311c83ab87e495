//! The conformance suite of executors, for the executor on the event loop.

use std::process::ExitCode;
use std::sync::Arc;

use apscheduler_executor_loop::LoopExecutor;
use apscheduler_testkit::executors::{self, ExecutorHarness};

fn main() -> ExitCode {
    // A running job blocks the loop, so the suite can't observe a queue.
    executors::run(vec![ExecutorHarness::new("loop", |_workers| {
        Arc::new(LoopExecutor::new()) as _
    })])
}
