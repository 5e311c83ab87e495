//! The thread of a watch.

use apscheduler_core::executor::CancellationToken;
use apscheduler_core::store::Watch;
use apscheduler_core::{Error, ErrorKind, Result};

/// Tells the thread to end when it is dropped.
struct Guard(CancellationToken);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Watches in a thread of its own. `stopped` is cancelled when the watch is dropped, which does not wait for the thread. `plugin`
/// is the store, for errors.
///
/// # Errors
/// [`ErrorKind::Other`] if no thread can be started.
///
/// # Examples
/// ```
/// use std::sync::mpsc::channel;
///
/// use apscheduler_core::executor::CancellationToken;
/// use apscheduler_plugin_kit::store::watch_in_thread;
///
/// let (stopped, (sender, ended)) = (CancellationToken::new(), channel());
/// let watched = stopped.clone();
/// let watch = watch_in_thread("acme-watch", "job store `acme`", stopped, move || {
///     while !watched.is_cancelled() {
///         // Wait for a change, for a short time.
///         std::thread::yield_now();
///     }
///     sender.send(()).unwrap();
/// })?;
/// drop(watch);
/// ended.recv().unwrap();
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
pub fn watch_in_thread(
    thread: &str,
    plugin: &'static str,
    stopped: CancellationToken,
    watch: impl FnOnce() + Send + 'static,
) -> Result<Watch> {
    std::thread::Builder::new().name(thread.to_owned()).spawn(watch).map_err(|error| {
        Error::new(ErrorKind::Other, "can't start a watch thread")
            .with_plugin(plugin)
            .with_source(error)
    })?;
    Ok(Watch::new(Guard(stopped)))
}
