//! Claims whose answer was lost on the way.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use apscheduler_core::Result;
use apscheduler_core::store::{
    Claim, ClaimCursor, ClaimRequest, Claims, Decision, JobRecord, TieBreaker,
};
use apscheduler_core::time::Timestamp;

/// The claims of a store of which nobody knows whether they were written, because the connection was lost between the
/// request and its answer.
///
/// If they were, nobody else will ever run them. So the store [keeps](Self::keep) them, lets the call fail, and
/// [settles](Self::settle) them at the beginning of the next one: it asks the server by the token that was written with
/// them, and hands out what turns out to have been won. If they were not, the records are due as before.
///
/// # Examples
/// ```
/// use apscheduler_core::store::{ClaimOutcome, Claim, Decision, ClaimRequest, JobRecord, JobPayload, NextRun, RunTimes};
/// use apscheduler_plugin_kit::store::{ClaimsInDoubt};
/// # use apscheduler_core::time::{Clock, SystemClock};
///
/// let now = SystemClock.now();
/// let outcome = ClaimOutcome { run_times: RunTimes::One(now), next: NextRun::Finished };
/// let state = JobPayload::Encoded("{}".into());
/// let record = JobRecord { id: "a".into(), next_run_time: Some(now), revision: 1, payload: state };
/// let in_doubt = ClaimsInDoubt::default();
/// in_doubt.keep("token 7", vec![Claim { record, outcome: outcome.clone() }]);
///
/// // The server finds the token, so the claim had been written.
/// let due = ClaimRequest { now, limit: 1000, after: None };
/// let settled = in_doubt.settle(&due, |_token, _claims| Ok(Some(vec![true])), &mut |_| Decision::Claim(outcome.clone()))?;
/// assert_eq!(settled.map(|claims| claims.won.len()), Some(1));
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[derive(Debug)]
pub struct ClaimsInDoubt<T>(Mutex<State<T>>);

#[derive(Debug)]
struct State<T> {
    unknown: VecDeque<(T, Vec<Claim>)>,
    /// They were written, and nobody has been handed them yet.
    won: Vec<Claim>,
}

impl<T> Default for ClaimsInDoubt<T> {
    fn default() -> Self {
        Self(Mutex::new(State { unknown: VecDeque::new(), won: Vec::new() }))
    }
}

impl<T> ClaimsInDoubt<T> {
    /// Keeps claims that may have been written under this token.
    pub fn keep(&self, token: T, claims: Vec<Claim>) {
        if !claims.is_empty() {
            self.state().unknown.push_back((token, claims));
        }
    }

    /// Finds out about what is kept, and hands out what was won: `None` where there is nothing to hand out.
    ///
    /// `find_out` asks the server about the claims with a token, and says of each whether it was written; `None` where
    /// the server does not know yet, and other jobs need not wait for that. `decide` is asked about each record, as for
    /// every claim; where it leaves one (no room to run it), the claim is handed out another time.
    ///
    /// # Errors
    /// What `find_out` says. Nothing is forgotten then.
    pub fn settle(
        &self,
        due: &ClaimRequest,
        mut find_out: impl FnMut(&T, &[Claim]) -> Result<Option<Vec<bool>>>,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Option<Claims>> {
        // What is taken out is in nobody else's hands, so no lock is held while the server is asked.
        let (mut unknown, mut won) = {
            let mut state = self.state();
            if state.unknown.is_empty() && state.won.is_empty() {
                return Ok(None);
            }
            (std::mem::take(&mut state.unknown), std::mem::take(&mut state.won))
        };
        let (mut answer, mut still_unknown) = (Ok(()), Vec::new());
        while let Some((token, claims)) = unknown.pop_front() {
            match find_out(&token, &claims) {
                Ok(Some(written)) => {
                    let known = claims.into_iter().zip(written);
                    won.extend(known.filter_map(|(claim, written)| written.then_some(claim)));
                }
                Ok(None) => still_unknown.push((token, claims)),
                Err(error) => {
                    unknown.push_front((token, claims));
                    answer = Err(error);
                    break;
                }
            }
        }
        let (mut claims, mut left) = (Vec::new(), Vec::new());
        for claim in won {
            let has_place = answer.is_ok() && claims.len() < due.limit;
            let wanted = has_place && matches!(decide(&claim.record), Decision::Claim(_));
            if wanted { &mut claims } else { &mut left }.push(claim);
        }
        {
            let mut state = self.state();
            state.unknown.extend(still_unknown.into_iter().chain(unknown));
            state.won.append(&mut left);
        }
        answer?;
        // The caller looks at what else is due from the beginning.
        let resume = due.after.clone().unwrap_or_else(beginning);
        Ok((!claims.is_empty()).then_some(Claims { won: claims, resume: Some(resume) }))
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        // Nothing that could panic half way happens under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Drop for ClaimsInDoubt<T> {
    fn drop(&mut self) {
        let state = self.state();
        let unknown = state.unknown.iter().flat_map(|(_, claims)| claims);
        let unknown = unknown.map(|claim| (claim, "it was known whether the claim was written"));
        let won = state.won.iter().map(|claim| (claim, "there was room for what was claimed"));
        for (claim, event) in unknown.chain(won) {
            tracing::error!(
                job_id = &*claim.record.id,
                run_times = ?claim.outcome.run_times.as_slice(),
                "the store is gone before {event}"
            );
        }
    }
}

/// The place before everything that is due.
fn beginning() -> ClaimCursor {
    ClaimCursor { next_run_time: Timestamp::MIN_UTC, tie_breaker: TieBreaker::Id("".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apscheduler_core::store::{ClaimOutcome, JobPayload, NextRun, RunTimes};
    use apscheduler_core::{Error, ErrorKind};

    fn claim(id: &str) -> Claim {
        let time = Timestamp::UNIX_EPOCH;
        let outcome = ClaimOutcome { run_times: RunTimes::One(time), next: NextRun::Finished };
        let state = JobPayload::Encoded("{}".into());
        let record =
            JobRecord { id: id.into(), next_run_time: Some(time), revision: 1, payload: state };
        Claim { record, outcome }
    }

    fn take(record: &JobRecord) -> Decision {
        Decision::Claim(claim(&record.id).outcome)
    }

    fn due(limit: usize) -> ClaimRequest {
        ClaimRequest { now: Timestamp::UNIX_EPOCH, limit, after: None }
    }

    fn ids(claims: Option<Claims>) -> Vec<String> {
        let claims = claims.into_iter().flat_map(|claims| claims.won);
        claims.map(|claim| claim.record.id.to_string()).collect()
    }

    #[test]
    fn what_was_written_is_handed_out_once() {
        let doubt = ClaimsInDoubt::default();
        assert!(
            doubt.settle(&due(10), |_, _| panic!("nothing is kept"), &mut take).unwrap().is_none()
        );
        doubt.keep(1, vec![claim("a"), claim("b")]);
        doubt.keep(2, vec![claim("c")]);
        doubt.keep(3, vec![claim("d")]);
        let find_out = |token: &i32, _: &[Claim]| match token {
            1 => Ok(Some(vec![false, true])),
            token => Ok(Some(vec![*token == 3])),
        };
        let settled = doubt.settle(&due(10), find_out, &mut take).unwrap();
        assert!(
            settled.as_ref().unwrap().resume.is_some(),
            "the rest is looked at from the beginning"
        );
        assert_eq!(ids(settled), ["b", "d"]);
        assert!(
            doubt.settle(&due(10), |_, _| panic!("it is settled"), &mut take).unwrap().is_none()
        );
    }

    #[test]
    fn nothing_is_forgotten_while_the_server_is_away() {
        let doubt = ClaimsInDoubt::default();
        doubt.keep(1, vec![claim("a")]);
        doubt.keep(2, vec![claim("b")]);
        let away = |token: &i32, claims: &[Claim]| match token {
            1 => Ok(Some(vec![true; claims.len()])),
            _ => Err(Error::new(ErrorKind::Unavailable, "away")),
        };
        let mut nobody = |_: &JobRecord| -> Decision { panic!("there is an error") };
        doubt.settle(&due(10), away, &mut nobody).unwrap_err();
        let settled = doubt
            .settle(&due(10), |token, claims| Ok(Some(vec![*token == 2; claims.len()])), &mut take)
            .unwrap();
        assert_eq!(ids(settled), ["a", "b"]);
    }

    #[test]
    fn what_the_server_does_not_know_yet_holds_up_nothing() {
        let doubt = ClaimsInDoubt::default();
        doubt.keep(1, vec![claim("a")]);
        doubt.keep(2, vec![claim("b")]);
        let find_out = |token: &i32, _: &[Claim]| Ok((*token == 2).then(|| vec![true]));
        assert_eq!(ids(doubt.settle(&due(10), find_out, &mut take).unwrap()), ["b"]);
        assert!(doubt.settle(&due(10), |_, _| Ok(None), &mut take).unwrap().is_none());
        let settled = doubt.settle(&due(10), |_, _| Ok(Some(vec![true])), &mut take).unwrap();
        assert_eq!(ids(settled), ["a"]);
    }

    #[test]
    fn what_finds_no_place_waits() {
        let doubt = ClaimsInDoubt::default();
        doubt.keep((), ["a", "b", "c"].map(claim).into());
        let mut all_but_a = |record: &JobRecord| match &*record.id {
            "a" => Decision::Leave,
            _ => take(record),
        };
        let mut settle = |limit| {
            ids(doubt
                .settle(
                    &due(limit),
                    |(), claims| Ok(Some(vec![true; claims.len()])),
                    &mut all_but_a,
                )
                .unwrap())
        };
        assert_eq!(settle(1), ["b"]);
        assert_eq!(settle(10), ["c"]);
        assert!(settle(10).is_empty());
        assert_eq!(
            ids(doubt
                .settle(&due(10), |(), claims| Ok(Some(vec![true; claims.len()])), &mut take)
                .unwrap()),
            ["a"]
        );
    }
}
