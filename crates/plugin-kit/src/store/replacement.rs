//! Stores whose data was emptied, restored or replaced while they were open.

use std::sync::{Mutex, MutexGuard, PoisonError};

use apscheduler_core::store::Claims;
use apscheduler_core::{Error, ErrorKind, Result};

/// Remembers that the data of a store was replaced, until a claim has told the engine.
///
/// Any call may be the first to find out. That call fails, the store switches to the new data, and the next
/// [`claim_due`](apscheduler_core::store::JobStore::claim_due) fails with [`ErrorKind::StoreReplaced`], once.
///
/// # Examples
/// ```
/// use apscheduler_core::ErrorKind;
/// use apscheduler_core::store::Claims;
/// use apscheduler_plugin_kit::store::Replacement;
///
/// let replacement = Replacement::default();
/// assert!(replacement.claim(|| Ok(Claims::default())).is_ok());
/// // A lookup finds that the file was replaced.
/// assert!(replacement.found("the file `jobs` was replaced").is_retryable());
/// let told = replacement.claim(|| Ok(Claims::default())).unwrap_err();
/// assert_eq!(told.kind(), ErrorKind::StoreReplaced);
/// assert!(replacement.claim(|| Ok(Claims::default())).is_ok());
/// ```
#[derive(Debug, Default)]
pub struct Replacement(Mutex<Option<String>>);

impl Replacement {
    /// Remembers the replacement, and returns the error for the call that found it.
    pub fn found(&self, reason: impl Into<String>) -> Error {
        let reason = reason.into();
        *self.reason() = Some(reason.clone());
        Error::new(ErrorKind::StoreReplaced, reason)
    }

    /// Calls `claim`, unless the engine has yet to learn of a replacement.
    ///
    /// # Errors
    /// [`ErrorKind::StoreReplaced`] if an earlier call found a replacement; any error from `claim`.
    pub fn claim(&self, claim: impl FnOnce() -> Result<Claims>) -> Result<Claims> {
        let untold = self.reason().take();
        if let Some(reason) = untold {
            return Err(Error::new(ErrorKind::StoreReplaced, reason));
        }
        claim().inspect_err(|error| {
            if error.kind() == ErrorKind::StoreReplaced {
                self.reason().take();
            }
        })
    }

    fn reason(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_that_finds_a_replacement_reports_it_once() {
        let replacement = Replacement::default();
        let told = replacement.claim(|| Err(replacement.found("replaced"))).unwrap_err();
        assert_eq!(told.kind(), ErrorKind::StoreReplaced);
        assert!(replacement.claim(|| Ok(Claims::default())).is_ok());
    }
}
