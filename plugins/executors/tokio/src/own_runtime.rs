//! A runtime of an executor's own.

use apscheduler_core::{Error, ErrorKind, Result};
use tokio::runtime::{Builder, Handle, Runtime};

/// A runtime of an executor's own. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct OwnRuntime {
    handle: Handle,
    /// `None` once it is being dropped.
    runtime: Option<Runtime>,
}

impl OwnRuntime {
    /// Starts a multi-thread runtime; by default with a thread for each processor.
    pub(crate) fn start(alias: &str, worker_threads: Option<usize>) -> Result<Self> {
        let mut builder = Builder::new_multi_thread();
        builder.enable_all().thread_name(format!("apscheduler-{alias}"));
        if let Some(threads) = worker_threads {
            builder.worker_threads(threads);
        }
        let runtime = builder.build().map_err(|error| {
            Error::new(ErrorKind::Other, "can't start a tokio runtime").with_source(error)
        })?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    pub(crate) fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // This may be one of its own threads.
            runtime.shutdown_background();
        }
    }
}
