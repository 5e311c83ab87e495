//! The debug executor keeps the promises of executors.

use std::process::ExitCode;
use std::sync::Arc;

use apscheduler_core::executor::DebugExecutor;
use apscheduler_testkit::executors::{self, ExecutorHarness};

fn main() -> ExitCode {
    let debug = |_workers| Arc::new(DebugExecutor::new()) as _;
    executors::run(vec![ExecutorHarness::new("debug", debug)])
}
