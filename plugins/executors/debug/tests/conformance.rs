//! The conformance suite of executors, for the debug executor.

use std::process::ExitCode;
use std::sync::Arc;

use apscheduler_executor_debug::DebugExecutor;
use apscheduler_testkit::executors::{self, ExecutorHarness};

fn main() -> ExitCode {
    executors::run(vec![ExecutorHarness::new("debug", |_workers| {
        Arc::new(DebugExecutor::new()) as _
    })])
}
