//! Systems without Unix sockets and process groups.

use std::num::NonZeroU32;

use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_plugin_kit::executor::QueuedRuns;

/// A pool that can't be started.
#[derive(Debug)]
pub(crate) struct Pool;

impl Pool {
    pub(crate) fn new(_max_tasks: Option<NonZeroU32>) -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "as on Unix")]
    pub(crate) fn start(&self) -> Result<()> {
        Err(Error::new(
            ErrorKind::Unsupported,
            "worker processes need a Unix system; use the executor `threadpool` here",
        ))
    }

    #[expect(clippy::unused_self, reason = "as on Unix")]
    pub(crate) fn stop(&self) {}

    #[expect(clippy::unused_self, reason = "as on Unix")]
    pub(crate) fn serve(&self, runs: &mut QueuedRuns) {
        runs.for_each(drop);
    }
}
