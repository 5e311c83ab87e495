//! Runs jobs in the calling thread.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use apscheduler_core::executor::{CancellationToken, Executor, ExecutorCapabilities, Run};
use apscheduler_core::{Result, Shutdown};
use apscheduler_plugin_kit::executor::RunExt as _;

/// Runs every job at once, in the thread that submits it. For tests and debugging.
///
/// It is the fastest executor, but a slow job holds up the scheduler. Async functions are driven to their end without a
/// runtime.
#[derive(Clone, Debug, Default)]
pub struct DebugExecutor {
    /// The token of all runs since the last start.
    token: Arc<Mutex<CancellationToken>>,
}

impl DebugExecutor {
    /// Creates a debug executor.
    pub fn new() -> Self {
        Self::default()
    }

    fn token(&self) -> MutexGuard<'_, CancellationToken> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Executor for DebugExecutor {
    fn capabilities(&self) -> ExecutorCapabilities {
        ExecutorCapabilities::new().in_process(true).sync_jobs(true).async_jobs(true)
    }

    fn start(&self, _alias: &str) -> Result<()> {
        *self.token() = CancellationToken::new();
        Ok(())
    }

    fn submit(&self, mut run: Run) {
        run.set_cancellation(self.token().clone());
        run.execute();
    }

    fn shutdown(&self, shutdown: Shutdown) {
        if shutdown == Shutdown::Now {
            let token = self.token().clone();
            token.cancel();
        }
    }
}
