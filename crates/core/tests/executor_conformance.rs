//! The executors of core keep the promises of executors.

use std::process::ExitCode;
use std::sync::Arc;

use apscheduler_core::executor::{DebugExecutor, LoopExecutor};
use apscheduler_testkit::executors::{self, ExecutorHarness};

fn main() -> ExitCode {
    let debug = |_workers| Arc::new(DebugExecutor::new()) as _;
    let on_the_loop = |_workers| Arc::new(LoopExecutor::new()) as _;
    executors::run(vec![
        ExecutorHarness::new("debug", debug),
        // A job holds the loop, so nothing queues behind it that the suite could see.
        ExecutorHarness::new("loop", on_the_loop),
    ])
}
