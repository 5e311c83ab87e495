//! The executor that stands in where the registry has none for tokio does what executors do.

use std::process::ExitCode;
use std::sync::Arc;

use apscheduler_plugin_kit::executor::RuntimeExecutor;
use apscheduler_scheduler_tokio::TokioRuntime;
use apscheduler_testkit::executors::{self, ExecutorHarness, Flavor};
use tokio::runtime::Builder;

fn main() -> ExitCode {
    let runtime = Builder::new_multi_thread().enable_time().build().expect("a runtime");
    let handle = runtime.handle().clone();
    let executor =
        move |_workers| Arc::new(RuntimeExecutor::on(TokioRuntime::from(handle.clone()))) as _;
    executors::run(vec![
        ExecutorHarness::new("runtime", executor).cancels().keeps_timeouts(Flavor::Async),
    ])
}
