//! Schedulers that go through the same due jobs at the same time.

use std::sync::{Mutex, PoisonError};

use apscheduler_core::store::{ClaimCursor, ClaimRequest, Claims, TieBreaker};
use apscheduler_core::time::Timestamp;

/// How many batches a loser goes ahead, at the most. Fewer, and it soon meets the winner again; more, and it often finds
/// nothing there.
const MOST_AHEAD: usize = 8;

/// How often it comes back without having won anything: jobs that nobody can win must not keep a pass from its end.
const MOST_IN_VAIN: u8 = 8;

/// Keeps schedulers apart that claim from the same jobs, in a store that reads first and writes with a compare-and-set.
///
/// Who reads a batch that another has just read loses every claim in it, and would in the batch behind it. So it passes
/// over some batches, and comes back to them at the end of what is due: most of them have been claimed by then.
#[derive(Debug, Default)]
pub struct Contention(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How many due records the next batch passes over.
    ahead: usize,
    /// There is something to come back to.
    passed_over: bool,
    /// How often it came back since something was won.
    in_vain: u8,
}

impl Contention {
    /// How many due records behind `due.after` to pass over before the batch begins.
    pub fn ahead(&self, due: &ClaimRequest) -> usize {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ahead = std::mem::take(&mut state.ahead);
        if due.after.is_none() {
            // A new look, which most often finds few jobs and no others who claim them.
            return 0;
        }
        state.passed_over |= ahead > 0;
        ahead
    }

    /// What to return of a batch: `attempted` claims were written, and those in `claims` were won.
    pub fn outcome(&self, due: &ClaimRequest, attempted: usize, mut claims: Claims) -> Claims {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = attempted.saturating_sub(claims.won.len());
        if !claims.won.is_empty() {
            state.in_vain = 0;
        }
        if claims.resume.is_none() {
            let comes_back = std::mem::take(&mut state.passed_over);
            if comes_back && state.in_vain < MOST_IN_VAIN {
                state.in_vain += 1;
                claims.resume = Some(beginning());
            } else {
                state.in_vain = 0;
            }
        } else if lost > claims.won.len() {
            state.ahead = due.limit.saturating_mul(fastrand::usize(1..=MOST_AHEAD));
        }
        claims
    }
}

/// Before all jobs.
fn beginning() -> ClaimCursor {
    ClaimCursor { next_run_time: Timestamp::MIN_UTC, tie_breaker: TieBreaker::Id("".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apscheduler_core::store::{Claim, ClaimOutcome, JobPayload, JobRecord, NextRun, RunTimes};

    fn due(after: Option<ClaimCursor>) -> ClaimRequest {
        ClaimRequest { now: Timestamp::MAX_UTC, limit: 10, after }
    }

    fn claims(won: usize, resume: Option<ClaimCursor>) -> Claims {
        let time = Timestamp::UNIX_EPOCH;
        let record = JobRecord {
            id: "a".into(),
            next_run_time: Some(time),
            revision: 1,
            payload: JobPayload::Encoded("{}".into()),
        };
        let outcome = ClaimOutcome { run_times: RunTimes::One(time), next: NextRun::Finished };
        Claims { won: vec![Claim { record, outcome }; won], resume }
    }

    fn place() -> ClaimCursor {
        ClaimCursor {
            next_run_time: Timestamp::UNIX_EPOCH,
            tie_breaker: TieBreaker::Id("a".into()),
        }
    }

    #[test]
    fn who_wins_goes_on_with_the_next_batch() {
        let contention = Contention::default();
        for (attempted, won) in [(10, 10), (10, 5), (0, 0)] {
            let outcome = contention.outcome(&due(None), attempted, claims(won, Some(place())));
            assert_eq!(outcome.resume, Some(place()));
            assert_eq!(contention.ahead(&due(Some(place()))), 0);
        }
        assert_eq!(contention.outcome(&due(Some(place())), 3, claims(3, None)).resume, None);
    }

    #[test]
    fn who_loses_passes_over_some_batches_and_comes_back() {
        let contention = Contention::default();
        let outcome = contention.outcome(&due(None), 10, claims(1, Some(place())));
        assert_eq!(outcome.resume, Some(place()));
        let ahead = contention.ahead(&due(Some(place())));
        assert!([10, 20, 30, 40, 50, 60, 70, 80].contains(&ahead), "{ahead}");
        assert_eq!(contention.ahead(&due(Some(place()))), 0, "once");
        let end = contention.outcome(&due(Some(place())), 0, claims(0, None));
        assert_eq!(end.resume, Some(beginning()));
        assert_eq!(contention.outcome(&due(end.resume), 5, claims(5, None)).resume, None);
    }

    #[test]
    fn a_pass_that_never_wins_ends() {
        let contention = Contention::default();
        let mut passes = 0;
        loop {
            contention.outcome(&due(None), 10, claims(0, Some(place())));
            contention.ahead(&due(Some(place())));
            passes += 1;
            if contention.outcome(&due(Some(place())), 0, claims(0, None)).resume.is_none() {
                break;
            }
        }
        assert_eq!(passes, usize::from(MOST_IN_VAIN) + 1);
    }

    #[test]
    fn a_new_look_begins_at_the_beginning() {
        let contention = Contention::default();
        contention.outcome(&due(None), 10, claims(0, Some(place())));
        assert_eq!(contention.ahead(&due(None)), 0);
        assert_eq!(contention.outcome(&due(None), 0, claims(0, None)).resume, None);
    }
}
