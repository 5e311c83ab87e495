//! The conformance suite of executors, for the executor on coroutines.

use std::process::ExitCode;
use std::sync::Arc;

use apscheduler_executor_may::MayExecutor;
use apscheduler_testkit::executors::{self, ExecutorHarness, Flavor};

fn main() -> ExitCode {
    // The plain functions of the suite block their threads, so concurrent cases need more threads.
    may::config().set_workers(64).set_worker_pin(false);
    let executor = |workers| Arc::new(MayExecutor::new(workers)) as _;
    executors::run(vec![
        ExecutorHarness::new("may", executor).queues().cancels().keeps_timeouts(Flavor::Async),
    ])
}
