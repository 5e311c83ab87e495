//! Watching for changes that others make to a store.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::{Error, ErrorKind, Result};

/// Notifies the engine that others have changed the store. Cheap to call, from any thread.
#[derive(Clone)]
pub struct ChangeNotifier(Arc<dyn Fn() + Send + Sync>);

impl ChangeNotifier {
    /// A notifier that calls this function.
    pub fn new(notify: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(notify))
    }

    /// Reports a change.
    pub fn notify(&self) {
        (self.0)();
    }
}

impl fmt::Debug for ChangeNotifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChangeNotifier")
    }
}

/// A running watch. It ends when it is dropped.
pub struct Watch(Box<dyn Send + Sync>);

impl Watch {
    /// A watch that ends when `guard` is dropped.
    pub fn new(guard: impl Send + Sync + 'static) -> Self {
        Self(Box::new(guard))
    }

    /// A watch for backends that can't report changes: calls `changed` every `period`, in a thread of its own.
    ///
    /// An error of `changed` counts as no change: the next claim meets it too, and reports it.
    ///
    /// # Errors
    /// [`ErrorKind::Other`] if no thread can be started.
    pub fn poll(
        period: Duration,
        notifier: ChangeNotifier,
        mut changed: impl FnMut() -> Result<bool> + Send + 'static,
    ) -> Result<Self> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("apscheduler-watch".to_owned())
            .spawn(move || {
                let (flag, signal) = &*stopped;
                let mut stop = flag.lock().unwrap_or_else(PoisonError::into_inner);
                while !*stop {
                    let (guard, timeout) =
                        signal.wait_timeout(stop, period).unwrap_or_else(PoisonError::into_inner);
                    stop = guard;
                    if timeout.timed_out() && !*stop {
                        drop(stop);
                        match changed() {
                            Ok(true) => notifier.notify(),
                            Ok(false) => {}
                            Err(error) => {
                                tracing::debug!("checking for changes failed: {}", error.chain());
                            }
                        }
                        stop = flag.lock().unwrap_or_else(PoisonError::into_inner);
                    }
                }
            })
            .map_err(|error| {
                Error::new(ErrorKind::Other, "can't start a watch thread").with_source(error)
            })?;
        Ok(Self::new(Poll { stop, thread: Some(thread) }))
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _ = &self.0;
        f.write_str("Watch")
    }
}

struct Poll {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Poll {
    fn drop(&mut self) {
        *self.stop.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.1.notify_all();
        // The thread holds what the store needs to be closed, unless it is this thread that drops the watch.
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("a watch thread panicked");
        }
    }
}
