//! The changes that a feed has not sent yet.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::datum::{Datum, MOST_ELEMENTS};

/// The changes of a table that a feed has not sent yet.
#[derive(Default)]
pub(super) struct ChangeQueue {
    state: Mutex<State>,
    signal: Condvar,
}

#[derive(Default)]
struct State {
    changes: VecDeque<(Datum, Datum)>,
    skipped: usize,
    /// The table is gone.
    is_closed: bool,
    /// Nobody reads any more.
    is_stopped: bool,
}

/// What a feed sends next.
pub(super) enum Next {
    /// Old and new rows, and how many changes were dropped before them.
    Changes(Vec<(Datum, Datum)>, usize),
    /// The table is gone.
    Closed,
    /// Nobody reads any more.
    Stopped,
}

impl ChangeQueue {
    /// Adds a change, or drops all if there are too many.
    pub(super) fn push(&self, old: &Datum, new: &Datum) {
        let mut state = self.state();
        if state.changes.len() >= MOST_ELEMENTS {
            state.skipped += state.changes.len();
            state.changes.clear();
        }
        state.changes.push_back((old.clone(), new.clone()));
        self.signal.notify_all();
    }

    pub(super) fn close(&self) {
        self.state().is_closed = true;
        self.signal.notify_all();
    }

    pub(super) fn stop(&self) {
        self.state().is_stopped = true;
        self.signal.notify_all();
    }

    /// Waits for the next changes.
    pub(super) fn next(&self) -> Next {
        let mut state = self.state();
        loop {
            if state.is_stopped {
                return Next::Stopped;
            }
            if !state.changes.is_empty() {
                let skipped = std::mem::take(&mut state.skipped);
                return Next::Changes(state.changes.drain(..).collect(), skipped);
            }
            if state.is_closed {
                return Next::Closed;
            }
            state = self.signal.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
