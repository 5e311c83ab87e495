//! The tokio scheduler on different runtimes, and its async calls.

#![allow(clippy::unwrap_used, reason = "tests")]

mod calls;
mod defaults;
mod listeners;
mod missing;
mod turns;

use std::sync::Arc;

use apscheduler_core::registry::Registry;
use apscheduler_scheduler_tokio::TokioScheduler;
use apscheduler_testkit::ManualClock;
use apscheduler_testkit::TestPlugins;

const START: &str = "2027-01-01T00:00:00Z";

/// Returns a scheduler with the plugins of core only.
fn scheduler() -> TokioScheduler<TestPlugins> {
    with_registry(apscheduler_testkit::registry())
}

fn with_registry(registry: Registry) -> TokioScheduler<TestPlugins> {
    TokioScheduler::builder()
        .registry(registry)
        .clock(Arc::new(ManualClock::at(START)))
        .build()
        .unwrap()
}
