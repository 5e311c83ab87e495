//! Claims of due jobs: transactions of some hundred, in which each job is won or lost on its own.
//!
//! A claim is a nested transaction: if the run time of the job has the revision that was read, it is changed, and what the
//! ledger has to know is written with it. Otherwise, it is noted beside the token that this claim was lost. So the token and
//! these notes tell which claims were won, should the answer be lost.

use apscheduler_core::Result;
use apscheduler_core::ledger::Batch;
use apscheduler_core::store::{Claim, ClaimRequest, NextRun};
use apscheduler_core::time::{Clock as _, SystemClock, to_micros};
use apscheduler_plugin_kit::store::text::{batch_text, run_time_text, time_text};
use apscheduler_plugin_kit::store::{ClaimToken, ClaimTokens, ClaimsInDoubt};
use etcd_client::TxnOpResponse;

use crate::access::{Access, Guard, Written};
use crate::keys::Keys;
use crate::transaction::{Operations, Query, is_empty, is_missing, is_unchanged};
use crate::{floor, open_rows, staging};

/// The most tokens that are removed in one transaction.
const MOST_TOKENS: usize = 90;

/// How many operations the paths of a claim may have.
const CLAIM_BUDGET: usize = 60;

/// Writes the claims of a store, and finds out what became of them.
#[derive(Default)]
pub(crate) struct Claims {
    tokens: ClaimTokens,
    pub(crate) in_doubt: ClaimsInDoubt<String>,
}

/// The claims that were won, and whether all were written.
pub(crate) struct Won {
    pub(crate) claims: Vec<Claim>,
    /// How many were written, and won or lost.
    pub(crate) attempted: usize,
    /// Whether some were not written, so that the caller has to look at them again.
    pub(crate) is_partial: bool,
}

impl Claims {
    /// Writes claims and what the ledger has to know about them.
    ///
    /// # Errors
    /// Any error from the server, if nothing was won. The claims are in doubt then.
    pub(crate) fn write(
        &self,
        access: &Access,
        due: &ClaimRequest,
        claims: Vec<Claim>,
    ) -> Result<Won> {
        let mut won = Won { claims: Vec::new(), attempted: 0, is_partial: false };
        let mut rest = claims.into_iter().peekable();
        while rest.peek().is_some() {
            let ClaimToken { token, answered } = self.tokens.next();
            let (mut part, mut then, mut is_recorded) = (Vec::new(), Operations::default(), false);
            while let Some(claim) = rest.next_if(|_| !then.are_many()) {
                let number = part.len();
                is_recorded |= write_one(&mut then, access.keys(), due, &claim, (&token, number));
                part.push(claim);
            }
            let times = part.iter().filter_map(|claim: &Claim| match claim.outcome.next {
                NextRun::At(time) => Some(time_text(time)),
                NextRun::Finished => None,
            });
            floor::lower(&mut then, access.keys(), times.min().as_deref());
            let batch = due.batch.filter(|_| is_recorded);
            match write_part(access, batch, (&token, &answered), then) {
                Ok(Some(responses)) => {
                    won.attempted += part.len();
                    let is_won = responses.iter().map(
                        |response| matches!(response, TxnOpResponse::Txn(claim) if claim.succeeded()),
                    );
                    let before = won.claims.len();
                    let marked = part.into_iter().zip(is_won);
                    won.claims.extend(marked.filter_map(|(claim, won)| won.then_some(claim)));
                    self.tokens.answered(token);
                    if won.claims.len() == before {
                        forget_batch(access, batch);
                    }
                }
                Ok(None) => {
                    self.tokens.unanswered(answered);
                    won.is_partial = true;
                    return Ok(won);
                }
                Err(error) => {
                    // After any error: the server may have written the claims.
                    self.tokens.unanswered(answered);
                    self.in_doubt.keep(token, part);
                    if won.claims.is_empty() {
                        return Err(error);
                    }
                    tracing::warn!("some claims are in doubt: {}", error.chain());
                    won.is_partial = true;
                    return Ok(won);
                }
            }
        }
        Ok(won)
    }

    /// Returns for each claim that was sent with a token whether it was won. Claims that arrive later fail.
    pub(crate) fn find_out(
        &self,
        access: &Access,
        token: &str,
        claims: &[Claim],
    ) -> Result<Vec<bool>> {
        let keys = access.keys();
        let mut refuse = Operations::default();
        refuse.put(keys.token_time(token), to_micros(SystemClock.now()).to_string());
        if access.note(vec![is_missing(keys.token_time(token))], refuse)? {
            return Ok(vec![false; claims.len()]);
        }
        let lost = access.read_one(Query::range(&keys.token(token), usize::MAX).keys_only())?;
        let is_won = (0..claims.len()).map(|number| {
            let note = keys.lost_claim(token, number);
            lost.entries.iter().all(|entry| entry.key != note)
        });
        let is_won = is_won.collect();
        self.tokens.answered(token.to_owned());
        Ok(is_won)
    }
}

/// Writes the claims of a transaction. Returns their responses, or `None` if nothing was written.
fn write_part(
    access: &Access,
    batch: Option<Batch>,
    (token, answered): (&str, &[String]),
    mut then: Operations,
) -> Result<Option<Vec<TxnOpResponse>>> {
    let keys = access.keys();
    then.put(keys.token_time(token), to_micros(SystemClock.now()).to_string());
    then.put(keys.changed(), access.own.as_str());
    if let Some(Batch { id, owner, .. }) = batch {
        then.put(keys.busy(owner, id), "");
    }
    for answered in answered.iter().take(MOST_TOKENS) {
        then.delete_range(keys.token(answered));
    }
    let when = vec![is_missing(keys.token_time(token))];
    match access.write(Guard::Jobs, when, then)? {
        Written::Done(responses) => Ok(Some(responses)),
        Written::Refused => Ok(None),
        Written::Adding => {
            staging::finish(access)?;
            Ok(None)
        }
    }
}

/// Adds the transaction of a claim. Returns whether it is in the journal.
fn write_one(
    part: &mut Operations,
    keys: &Keys,
    due: &ClaimRequest,
    claim: &Claim,
    (token, number): (&str, usize),
) -> bool {
    let Claim { record, outcome, .. } = claim;
    let id = &*record.id;
    let (mut then, mut otherwise) = (Operations::default(), Operations::default());
    let before = keys.due(&run_time_text(record.next_run_time), id);
    match outcome.next {
        NextRun::At(time) => {
            let time = time_text(time);
            let after = keys.due(&time, id);
            then.put(keys.run(id), time);
            if before != after {
                then.delete(before);
            }
            then.put(after, "");
        }
        NextRun::Finished => {
            for key in [before, keys.run(id), keys.job(id)] {
                then.delete(key);
            }
        }
    }
    let mut is_recorded = false;
    if let Some(journal) = due.journal([(record, outcome)])
        && let Some(entry) = journal.entries.first()
    {
        let Batch { id: batch, owner, .. } = journal.batch;
        let text = format!("{} {}", batch_text(journal.batch), journal.encode());
        then.put(keys.entry(batch, owner, entry.first_run), text);
        open_rows::add_claimed(&mut then, keys, &journal.open);
        is_recorded = true;
    }
    otherwise.put(keys.lost_claim(token, number), "");
    let when = vec![is_unchanged(keys.run(id), record.revision.cast_signed())];
    part.nested(when, then, otherwise, CLAIM_BUDGET);
    is_recorded
}

/// Removes a batch without claims from those of its owner.
fn forget_batch(access: &Access, batch: Option<Batch>) {
    let Some(Batch { id, owner, .. }) = batch else { return };
    let mut forget = Operations::default();
    forget.delete(access.keys().busy(owner, id));
    if let Err(error) = access.note(vec![is_empty(access.keys().batch(id))], forget) {
        tracing::debug!("a batch without claims is left: {}", error.chain());
    }
}
