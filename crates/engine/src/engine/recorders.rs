//! Looks up the recorder of a store.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use hashbrown::HashMap;

use super::recorder::Recorder;

/// The recorders of the stores that have a ledger, by the number of the store.
#[derive(Default)]
pub(super) struct Recorders {
    /// Usually there are none, which makes the check cheap.
    is_any: AtomicBool,
    by_store: RwLock<HashMap<u32, Arc<Recorder>>>,
}

impl Recorders {
    pub(super) fn get(&self, store: u32) -> Option<Arc<Recorder>> {
        if !self.is_any.load(Ordering::Acquire) {
            return None;
        }
        self.by_store.read().unwrap_or_else(PoisonError::into_inner).get(&store).cloned()
    }

    /// Sets or removes the recorder of a store. Returns the one before.
    pub(super) fn set(&self, store: u32, recorder: Option<Arc<Recorder>>) -> Option<Arc<Recorder>> {
        let mut by_store = self.by_store.write().unwrap_or_else(PoisonError::into_inner);
        let before = match recorder {
            Some(recorder) => by_store.insert(store, recorder),
            None => by_store.remove(&store),
        };
        self.is_any.store(!by_store.is_empty(), Ordering::Release);
        before
    }
}
