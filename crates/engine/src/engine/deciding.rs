//! Tracks which stores are asking for decisions on this thread.
//!
//! A store that serializes decides within its transaction, in some backends while holding the lock
//! of its only connection. Decisions call triggers, which may be user code. A trigger that calls
//! the scheduler from there would deadlock, so the call is refused. The memory store holds no lock
//! at that point and may be called.

use std::cell::RefCell;

use super::store_runner::StoreRunner;
use apscheduler_core::store::JobStore;
use apscheduler_core::{Error, ErrorKind, Result};

thread_local! {
    /// The addresses of the stores' runners.
    static DECIDING: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// While this exists, calls to the store from this thread are refused.
pub(super) struct Deciding(());

impl Deciding {
    /// Returns `None` for a store that may be called while it decides.
    pub(super) fn begin(runner: &StoreRunner) -> Option<Self> {
        runner.capabilities.serializes.then(|| {
            DECIDING.with_borrow_mut(|stores| stores.push(key(runner)));
            Self(())
        })
    }
}

impl Drop for Deciding {
    fn drop(&mut self) {
        DECIDING.with_borrow_mut(Vec::pop);
    }
}

impl StoreRunner {
    /// Returns the store, for a call by the application.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for a call by a trigger whose fire times this store is
    /// requesting.
    pub(super) fn callable(&self) -> Result<&dyn JobStore> {
        if DECIDING.with_borrow(|stores| stores.contains(&key(self))) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "a trigger can't call the job store `{}` while the store asks for fire times; call it from a job or a listener",
                    self.alias
                ),
            ));
        }
        Ok(&*self.store)
    }
}

fn key(runner: &StoreRunner) -> usize {
    std::ptr::from_ref(runner).addr()
}
