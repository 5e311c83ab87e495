//! Tokens that mark claims on the server, so that a store can ask for a claim whose answer was lost.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{ClaimsInDoubt, DecidedBatch};
use apscheduler_core::Result;
use apscheduler_core::store::{Claim, ClaimRequest, Claims, Decision, JobRecord};

/// The token that a store writes with a claim.
#[derive(Debug)]
pub struct ClaimToken {
    /// A unique mark, of at most 53 letters, digits and dots.
    pub token: String,
    /// Earlier tokens that the server may delete with this claim.
    pub answered: Vec<String>,
}

/// Creates the tokens that a store writes with its claims, for [`ClaimsInDoubt`]. The server keeps each token until its
/// answer has arrived; the next claim then deletes it.
#[derive(Debug)]
pub struct ClaimTokens {
    own: String,
    last: AtomicU64,
    /// The server may delete these.
    answered: Mutex<Vec<String>>,
}

impl Default for ClaimTokens {
    fn default() -> Self {
        let own = uuid::Uuid::new_v4().simple().to_string();
        Self { own, last: AtomicU64::new(0), answered: Mutex::default() }
    }
}

impl ClaimTokens {
    /// Returns the token of the next claim.
    pub fn next(&self) -> ClaimToken {
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        let token = format!("{}.{number}", self.own);
        ClaimToken { token, answered: std::mem::take(&mut *self.list()) }
    }

    /// Notes that the answer to the claim with this token has arrived.
    pub fn answered(&self, token: String) {
        self.list().push(token);
    }

    /// Notes that the server may not have received the request to delete these tokens.
    pub fn unanswered(&self, tokens: Vec<String>) {
        self.list().extend(tokens);
    }

    fn list(&self) -> MutexGuard<'_, Vec<String>> {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The claims with an unknown outcome, for a store that writes a token in the transaction of each claim. It belongs to the
/// store and outlives a restart of the scheduler.
#[derive(Debug, Default)]
pub struct TransactionsInDoubt {
    tokens: ClaimTokens,
    claims: ClaimsInDoubt<String>,
}

impl TransactionsInDoubt {
    /// Returns the token of the next transaction.
    pub fn next(&self) -> ClaimToken {
        self.tokens.next()
    }

    /// Returns the claims of a batch whose transaction was committed with this token.
    pub fn committed(&self, token: ClaimToken, batch: DecidedBatch) -> Claims {
        let claims = batch.into_claims();
        if !claims.won.is_empty() {
            self.tokens.answered(token.token);
        }
        claims
    }

    /// Notes that the transaction certainly wrote nothing.
    pub fn rolled_back(&self, token: ClaimToken) {
        self.tokens.unanswered(token.answered);
    }

    /// Notes that the outcome of the transaction is unknown. This is always safe to assume.
    pub fn unknown(&self, token: ClaimToken, batch: DecidedBatch) {
        self.tokens.unanswered(token.answered);
        self.claims.keep(token.token, batch.into_claims().won);
    }

    /// Settles the claims as [`ClaimsInDoubt::settle`] does. `is_written` asks the server whether the transaction with a
    /// token was committed, and returns `None` while it is in progress. If it was not, `is_written` must make sure that it
    /// never can be.
    ///
    /// # Errors
    /// Any error from `is_written`. All claims are kept then.
    pub fn settle(
        &self,
        due: &ClaimRequest,
        mut is_written: impl FnMut(&str) -> Result<Option<bool>>,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Option<Claims>> {
        let find_out = |token: &String, claims: &[Claim]| {
            let is_written = is_written(token)?;
            if is_written == Some(true) {
                self.tokens.answered(token.clone());
            }
            Ok(is_written.map(|is_written| vec![is_written; claims.len()]))
        };
        self.claims.settle(due, find_out, decide)
    }
}
