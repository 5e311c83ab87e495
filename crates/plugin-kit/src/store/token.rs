//! What marks a claim on the server, so that it can be asked for when its answer was lost.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{ClaimsInDoubt, DecidedBatch};
use apscheduler_core::Result;
use apscheduler_core::store::{Claim, ClaimRequest, Claims, Decision, JobRecord};

/// What a store writes with a claim.
#[derive(Debug)]
pub struct ClaimToken {
    /// What marks the claim: nobody else has it. At most 53 letters, digits and dots.
    pub token: String,
    /// The tokens that the server may forget with it.
    pub answered: Vec<String>,
}

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
    /// That of the next claim.
    pub fn next(&self) -> ClaimToken {
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        let token = format!("{}.{number}", self.own);
        ClaimToken { token, answered: std::mem::take(&mut *self.list()) }
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

/// The claims of a store that writes a token in the transaction of each: either all of it is there, or nothing. It belongs
/// to the store and outlives a restart of the scheduler.
#[derive(Debug, Default)]
pub struct TransactionsInDoubt {
    tokens: ClaimTokens,
    claims: ClaimsInDoubt<String>,
}

impl TransactionsInDoubt {
    /// The token of the next transaction.
    pub fn next(&self) -> ClaimToken {
        self.tokens.next()
    }

    /// The transaction with this token was committed, which carries out what was decided.
    pub fn committed(&self, token: ClaimToken, batch: DecidedBatch) -> Claims {
        let claims = batch.into_claims();
        if !claims.won.is_empty() {
            self.tokens.answered(token.token);
        }
        claims
    }

    /// The transaction failed: for certain, or in a way that lets nobody know. That is safe to say where it is not so.
    pub fn failed(&self, token: ClaimToken, batch: DecidedBatch, is_in_doubt: bool) {
        self.tokens.unanswered(token.answered);
        if is_in_doubt {
            self.claims.keep(token.token, batch.into_claims().won);
        }
    }

    /// As [`ClaimsInDoubt::settle`]. `is_written` asks the server whether the transaction with a token was committed; `None`
    /// as long as it is under way. It must make sure that one that was not can't be any more.
    ///
    /// # Errors
    /// What `is_written` says. Nothing is forgotten then.
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
