//! The conformance suite of executors, for the process pool.

use std::process::ExitCode;
use std::sync::Arc;

use apscheduler_executor_processpool::{ProcessPoolExecutor, worker};
use apscheduler_testkit::executors::{self, ExecutorHarness, Flavor};

fn main() -> ExitCode {
    worker::init_with(apscheduler_testkit::registry, |registry, states| {
        executors::insert_states(states);
        executors::register(registry)
    });
    let pool = |workers| Arc::new(ProcessPoolExecutor::new(workers)) as _;
    let harness = ExecutorHarness::new("processpool", pool)
        .queues()
        .cancels()
        .keeps_timeouts(Flavor::Sync)
        .keeps_timeouts(Flavor::Async)
        .survives_worker_death();
    executors::run(vec![harness])
}
