//! Spreads schedulers that claim from the same due jobs at the same time.

use std::sync::{Mutex, PoisonError};

use apscheduler_core::store::{ClaimCursor, ClaimRequest, Claims};

/// The most batches that a losing scheduler skips. With fewer it soon meets the winner again; with more it often finds
/// nothing there.
const MAX_SKIPPED_BATCHES: usize = 8;

/// How often a pass starts over without a win: jobs that nobody can win must not keep the pass from ending.
const MAX_FRUITLESS_RETURNS: u8 = 8;

/// Spreads schedulers that claim from the same jobs, for a store that reads first and writes with a compare-and-set.
///
/// A scheduler that reads a batch which another has just read loses every claim in it, and would lose those of the next
/// batch too. So it skips some batches, and returns to them at the end of what is due; most are claimed by then.
#[derive(Debug, Default)]
pub struct Contention(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How many due records the next batch skips.
    skip: usize,
    /// Whether records were skipped, so that the pass must return to them.
    has_skipped: bool,
    /// How often the pass returned since the last win.
    fruitless_returns: u8,
}

impl Contention {
    /// Returns how many due records after `due.after` to skip before the batch begins.
    pub fn skip(&self, due: &ClaimRequest) -> usize {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let skip = std::mem::take(&mut state.skip);
        if due.after.is_none() {
            // A new pass, which usually finds few jobs and no contention.
            return 0;
        }
        state.has_skipped |= skip > 0;
        skip
    }

    /// Returns the result of a batch in which `attempted` claims were written and those in `claims` were won.
    pub fn outcome(&self, due: &ClaimRequest, attempted: usize, mut claims: Claims) -> Claims {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = attempted.saturating_sub(claims.won.len());
        if !claims.won.is_empty() {
            state.fruitless_returns = 0;
        }
        if claims.resume.is_none() {
            let returns = std::mem::take(&mut state.has_skipped);
            if returns && state.fruitless_returns < MAX_FRUITLESS_RETURNS {
                state.fruitless_returns += 1;
                claims.resume = Some(ClaimCursor::beginning());
            } else {
                state.fruitless_returns = 0;
            }
        } else if lost > claims.won.len() {
            state.skip = due.limit.saturating_mul(fastrand::usize(1..=MAX_SKIPPED_BATCHES));
        }
        claims
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apscheduler_core::store::{Claim, ClaimOutcome, JobPayload, JobRecord, NextRun};
    use apscheduler_core::time::Timestamp;

    fn due(after: Option<ClaimCursor>) -> ClaimRequest {
        ClaimRequest::new(Timestamp::MAX_UTC, 10).after(after)
    }

    fn claims(won: usize, resume: Option<ClaimCursor>) -> Claims {
        let time = Timestamp::UNIX_EPOCH;
        let record = JobRecord::new("a", Some(time), 1, JobPayload::Encoded("{}".into()));
        let outcome = ClaimOutcome::new(time, NextRun::Finished);
        Claims::new(vec![Claim::new(record, outcome); won], resume)
    }

    fn place() -> ClaimCursor {
        ClaimCursor::at_id(Timestamp::UNIX_EPOCH, "a")
    }

    #[test]
    fn a_winner_continues_with_the_next_batch() {
        let contention = Contention::default();
        for (attempted, won) in [(10, 10), (10, 5), (0, 0)] {
            let outcome = contention.outcome(&due(None), attempted, claims(won, Some(place())));
            assert_eq!(outcome.resume, Some(place()));
            assert_eq!(contention.skip(&due(Some(place()))), 0);
        }
        assert_eq!(contention.outcome(&due(Some(place())), 3, claims(3, None)).resume, None);
    }

    #[test]
    fn a_loser_skips_some_batches_and_returns_to_them() {
        let contention = Contention::default();
        let outcome = contention.outcome(&due(None), 10, claims(1, Some(place())));
        assert_eq!(outcome.resume, Some(place()));
        let skip = contention.skip(&due(Some(place())));
        assert!([10, 20, 30, 40, 50, 60, 70, 80].contains(&skip), "{skip}");
        assert_eq!(contention.skip(&due(Some(place()))), 0, "once");
        let end = contention.outcome(&due(Some(place())), 0, claims(0, None));
        assert_eq!(end.resume, Some(ClaimCursor::beginning()));
        assert_eq!(contention.outcome(&due(end.resume), 5, claims(5, None)).resume, None);
    }

    #[test]
    fn a_pass_without_wins_ends() {
        let contention = Contention::default();
        let mut passes = 0;
        loop {
            contention.outcome(&due(None), 10, claims(0, Some(place())));
            contention.skip(&due(Some(place())));
            passes += 1;
            if contention.outcome(&due(Some(place())), 0, claims(0, None)).resume.is_none() {
                break;
            }
        }
        assert_eq!(passes, usize::from(MAX_FRUITLESS_RETURNS) + 1);
    }

    #[test]
    fn a_new_pass_starts_at_the_beginning() {
        let contention = Contention::default();
        contention.outcome(&due(None), 10, claims(0, Some(place())));
        assert_eq!(contention.skip(&due(None)), 0);
        assert_eq!(contention.outcome(&due(None), 0, claims(0, None)).resume, None);
    }
}
