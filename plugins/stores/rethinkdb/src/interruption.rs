//! The connections in use, so that a shutdown can interrupt their waits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::client::Interrupter;

/// The connections in use.
#[derive(Debug, Default)]
pub(crate) struct Interruption(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    open: HashMap<u64, Interrupter>,
    last: u64,
    is_interrupted: bool,
}

/// Keeps a connection registered until it is dropped.
#[derive(Debug)]
pub(crate) struct Registration {
    interruption: Arc<Interruption>,
    number: u64,
}

impl Interruption {
    /// Registers a connection. Returns `None` after [`interrupt`](Self::interrupt).
    pub(crate) fn register(self: &Arc<Self>, interrupter: Interrupter) -> Option<Registration> {
        let mut state = self.state();
        if state.is_interrupted {
            return None;
        }
        state.last += 1;
        let number = state.last;
        state.open.insert(number, interrupter);
        Some(Registration { interruption: Arc::clone(self), number })
    }

    /// Ends all connections, and refuses new ones.
    pub(crate) fn interrupt(&self) {
        let open = {
            let mut state = self.state();
            state.is_interrupted = true;
            std::mem::take(&mut state.open)
        };
        open.values().for_each(Interrupter::interrupt);
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        self.state().is_interrupted
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // Dropped after the lock is released.
        let _closed = self.interruption.state().open.remove(&self.number);
    }
}
