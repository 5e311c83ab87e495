//! Runs jobs in the caller.

use std::sync::Arc;

use super::{Executor, ExecutorCapabilities, Run};
use crate::options;
use crate::registry::Plugin;

/// The descriptor of the debug executor.
pub static DEBUG_PLUGIN: Plugin = Plugin::executor("debug", &|given| {
    options::parse::<NoOptions>("executor `debug`", given)?;
    Ok(Arc::new(DebugExecutor::new()))
})
.classes(&["apscheduler.executors.debug:DebugExecutor"])
.summary("runs jobs in the thread that looks for due jobs")
.source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

#[derive(serde::Deserialize)]
struct NoOptions {}

/// Runs every job at once, in the thread that submits it; made for tests and debugging.
///
/// It is the fastest executor, but a slow job holds up the scheduler. Async functions are driven to their end without a
/// runtime.
#[derive(Clone, Copy, Debug, Default)]
pub struct DebugExecutor;

impl DebugExecutor {
    /// A debug executor.
    pub fn new() -> Self {
        Self
    }
}

impl Executor for DebugExecutor {
    fn capabilities(&self) -> ExecutorCapabilities {
        ExecutorCapabilities { in_process: true, sync_jobs: true, async_jobs: true }
    }

    fn submit(&self, run: Run) {
        run.execute();
    }

    fn shutdown(&self, _wait: bool) {}
}
