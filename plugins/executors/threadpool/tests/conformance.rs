//! The conformance suite of executors, for the thread pool.

use std::process::ExitCode;
use std::sync::Arc;

use apscheduler_executor_threadpool::ThreadPoolExecutor;
use apscheduler_testkit::executors::{self, ExecutorHarness};

fn main() -> ExitCode {
    let pool = |workers| Arc::new(ThreadPoolExecutor::new(workers)) as _;
    executors::run(vec![ExecutorHarness::new("threadpool", pool).queues().cancels()])
}
