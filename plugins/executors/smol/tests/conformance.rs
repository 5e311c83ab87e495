//! The conformance suite of executors, for the smol executor with and without a limit.

use std::process::ExitCode;
use std::sync::Arc;

use apscheduler_executor_smol::{SmolExecutor, SmolOptions};
use apscheduler_testkit::executors::{self, ExecutorHarness, Flavor};

fn main() -> ExitCode {
    let unlimited = ExecutorHarness::new("smol", |_workers| Arc::new(SmolExecutor::new()));
    let limited = ExecutorHarness::new("limited", |workers| {
        let options = SmolOptions::default().max_workers(workers);
        Arc::new(SmolExecutor::with_options(&options).expect("valid options"))
    });
    executors::run(vec![
        unlimited.cancels().keeps_timeouts(Flavor::Async),
        limited.queues().cancels().keeps_timeouts(Flavor::Async),
    ])
}
