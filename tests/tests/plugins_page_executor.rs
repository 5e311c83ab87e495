//! The conformance suite of executors, for the executor of `docs/PLUGINS.md`.

use std::process::ExitCode;
use std::sync::Arc;

use apscheduler_testkit::executors::{self, ExecutorHarness};

#[allow(
    clippy::pedantic,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "the page is not a crate"
)]
mod page {
    include!(concat!(env!("OUT_DIR"), "/executor.rs"));
}

fn main() -> ExitCode {
    let make = |workers| Arc::new(page::ThreadsExecutor::new(workers)) as _;
    executors::run(vec![ExecutorHarness::new("page", make).queues().cancels()])
}
