//! Which stores are asking for decisions in this thread.
//!
//! A store that keeps text decides within its transaction, some under the lock of their only connection. Decisions ask
//! triggers, which may be anybody's code. One that calls the scheduler from there would wait for its own thread, so the
//! call is refused. The memory store holds no lock meanwhile, and may be called.

use std::cell::RefCell;

use super::store_runner::StoreRunner;
use apscheduler_core::store::JobStore;
use apscheduler_core::{Error, ErrorKind, Result};

thread_local! {
    /// The runners of the stores, as numbers that tell them apart.
    static DECIDING: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// While it lives, calls of this thread to the store are refused.
pub(super) struct Deciding(());

impl Deciding {
    /// `None` for a store that may be called meanwhile.
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
    /// The store, for a call of the application.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for a call by a trigger that this store is asking for its fire times.
    pub(super) fn callable(&self) -> Result<&dyn JobStore> {
        if DECIDING.with_borrow(|stores| stores.contains(&key(self))) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "a trigger can't call the job store `{}` while that asks it for fire times; call it from a job or a listener",
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
