//! The state of a store from its start to its shutdown.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use apscheduler_core::{Error, ErrorKind, Result};

/// Holds the state of a store from its start to its shutdown, such as its connections.
pub struct SessionSlot<T>(RwLock<Option<Arc<T>>>);

impl<T> SessionSlot<T> {
    /// Marks the store as started, with this state.
    pub fn set(&self, value: T) {
        let value = Some(Arc::new(value));
        // Dropped after the lock is released.
        let _before =
            std::mem::replace(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner), value);
    }

    /// Marks the store as not started. Calls in progress keep the state until they
    /// end. Returns the state, if the store was started.
    pub fn take(&self) -> Option<Arc<T>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Returns the state.
    ///
    /// # Errors
    /// [`ErrorKind::NotRunning`] if the store is not started.
    pub fn get(&self) -> Result<Arc<T>> {
        let value = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        value.ok_or_else(|| Error::new(ErrorKind::NotRunning, "the job store is not started"))
    }
}

impl<T> Default for SessionSlot<T> {
    fn default() -> Self {
        Self(RwLock::new(None))
    }
}

impl<T: fmt::Debug> fmt::Debug for SessionSlot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().ok().fmt(f)
    }
}

/// The error of a call that was in progress when its store was shut down.
pub fn shut_down() -> Error {
    Error::new(ErrorKind::NotRunning, "the job store was shut down")
}
