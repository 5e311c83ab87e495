//! The conformance suite of executors, for the tokio executor on its own runtime and on a given one.

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

/// Returns a current-thread runtime, which another thread drives until the program ends.
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
