//! The tokio executor keeps the promises of executors: on a runtime of its own, and on one that it was given.

use std::process::ExitCode;
use std::sync::Arc;

use apscheduler_core::executor::Executor;
use apscheduler_executor_tokio::{TokioExecutor, TokioOptions};
use apscheduler_testkit::executors::{self, ExecutorHarness, Flavor};
use tokio::runtime::{Builder, Handle};

fn options(workers: usize) -> TokioOptions {
    TokioOptions::default().max_workers(workers)
}

fn with_options(options: &TokioOptions) -> TokioExecutor {
    TokioExecutor::with_options(options).expect("valid options")
}

fn harness(
    name: &str,
    make: impl Fn(usize) -> TokioExecutor + Send + Sync + 'static,
) -> ExecutorHarness {
    ExecutorHarness::new(name, move |workers| Arc::new(make(workers)) as Arc<dyn Executor>)
        .queues()
        .cancels()
        .keeps_timeouts(Flavor::Async)
}

/// A runtime with one thread, which somebody else turns for as long as the program runs.
fn current_thread() -> Handle {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    let handle = runtime.handle().clone();
    std::thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    handle
}

fn main() -> ExitCode {
    let handle = current_thread();
    executors::run(vec![
        harness("tokio", |workers| with_options(&options(workers))),
        harness("one_thread", move |workers| with_options(&options(workers)).on(handle.clone())),
    ])
}
