//! What marks a claim in the server, so that it can be asked for when its answer was lost.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The tokens of a store.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    last: AtomicU64,
    /// The server may forget these.
    answered: Mutex<Vec<String>>,
}

impl Tokens {
    /// A token that nobody else has, and those that the server may forget.
    pub(crate) fn next(&self, own: &str) -> (String, Vec<String>) {
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        (format!("{own}.{number}"), std::mem::take(&mut *self.list()))
    }

    /// The answer to the claim with this token has come.
    pub(crate) fn answered(&self, token: String) {
        self.list().push(token);
    }

    /// Nobody knows whether the server was told to forget these.
    pub(crate) fn unanswered(&self, tokens: Vec<String>) {
        self.list().extend(tokens);
    }

    fn list(&self) -> MutexGuard<'_, Vec<String>> {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
