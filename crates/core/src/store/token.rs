//! What marks a claim on the server, so that it can be asked for when its answer was lost.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The tokens that a store writes with its claims, for [`ClaimsInDoubt`](super::ClaimsInDoubt). The server keeps each
/// until its answer has come; then the next claim takes it away.
#[derive(Debug)]
pub struct ClaimTokens {
    own: String,
    last: AtomicU64,
    /// The server may forget these.
    answered: Mutex<Vec<String>>,
}

impl Default for ClaimTokens {
    fn default() -> Self {
        let own = uuid::Uuid::new_v4().simple().to_string();
        Self { own, last: AtomicU64::new(0), answered: Mutex::default() }
    }
}

impl ClaimTokens {
    /// A token that nobody else has, of at most 53 letters, digits and dots; and those that the server may forget.
    pub fn next(&self) -> (String, Vec<String>) {
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        (format!("{}.{number}", self.own), std::mem::take(&mut *self.list()))
    }

    /// The answer to the claim with this token has come.
    pub fn answered(&self, token: String) {
        self.list().push(token);
    }

    /// Nobody knows whether the server was told to forget these.
    pub fn unanswered(&self, tokens: Vec<String>) {
        self.list().extend(tokens);
    }

    fn list(&self) -> MutexGuard<'_, Vec<String>> {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
