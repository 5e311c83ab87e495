//! What a store has from its start to its shutdown.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use apscheduler_core::{Error, ErrorKind, Result};

/// What a store has from its start to its shutdown: its connections and the like.
pub struct SessionSlot<T>(RwLock<Option<Arc<T>>>);

impl<T> SessionSlot<T> {
    /// From now on the store is started.
    pub fn set(&self, value: T) {
        let value = Some(Arc::new(value));
        // What was there before ends without the lock.
        let _before =
            std::mem::replace(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner), value);
    }

    /// From now on it is not. What calls that are under way hold ends with them.
    pub fn clear(&self) {
        let before = self.0.write().unwrap_or_else(PoisonError::into_inner).take();
        drop(before);
    }

    /// What it has.
    ///
    /// # Errors
    /// [`ErrorKind::NotRunning`] where the store is not started.
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
