//! The runtime of an async driver.

use std::sync::{Mutex, PoisonError};

use apscheduler_core::{Error, ErrorKind, Result};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// A tokio runtime for the I/O of a store, in a thread of its own. It stops when this value is dropped.
#[derive(Debug)]
pub struct DriverRuntime {
    handle: Handle,
    /// Dropping the sender stops the runtime.
    stop: Mutex<Option<oneshot::Sender<()>>>,
}

impl DriverRuntime {
    /// Starts the runtime in a thread with this name.
    ///
    /// # Errors
    /// [`ErrorKind::Other`] if it can't be started.
    pub fn start(thread: impl Into<String>) -> Result<Self> {
        let failed = |error| {
            Error::new(ErrorKind::Other, "can't start the thread for the connections")
                .with_source(error)
        };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        std::thread::Builder::new()
            .name(thread.into())
            .spawn(move || {
                // It ends with an error when the sender is dropped.
                let _ = runtime.block_on(stopped);
            })
            .map_err(failed)?;
        Ok(Self { handle, stop: Mutex::new(Some(stop)) })
    }

    /// Stops the runtime, and with it all connections and the calls that wait for them.
    pub fn stop(&self) {
        let stop = self.stop.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(stop);
    }

    /// Returns the handle of the runtime.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}
