//! Claims with an unknown outcome.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use apscheduler_core::Result;
use apscheduler_core::store::{Claim, ClaimCursor, ClaimRequest, Claims, Decision, JobRecord};

/// The claims of a store whose outcome is unknown, because the connection was lost between the request and its answer.
///
/// If such claims were written, no other caller ever runs them. So the store [keeps](Self::keep) them, lets the call fail,
/// and [settles](Self::settle) them at the start of the next call: it asks the server by the token that was written with
/// them, and returns what was won. If they were not written, the records are due as before.
///
/// # Examples
/// ```
/// use apscheduler_core::store::{ClaimOutcome, Claim, Decision, ClaimRequest, JobPayload, JobRecord, NextRun};
/// use apscheduler_plugin_kit::store::ClaimsInDoubt;
/// # use apscheduler_core::time::{Clock, SystemClock};
///
/// let now = SystemClock.now();
/// let outcome = ClaimOutcome::new(now, NextRun::Finished);
/// let state = JobPayload::Encoded("{}".into());
/// let record = JobRecord::new("a", Some(now), 1, state);
/// let in_doubt = ClaimsInDoubt::default();
/// in_doubt.keep("token 7", vec![Claim::new(record, outcome.clone())]);
///
/// // The server finds the token, so the claim had been written.
/// let due = ClaimRequest::new(now, 1000);
/// let settled = in_doubt.settle(&due, |_token, _claims| Ok(Some(vec![true])), &mut |_| Decision::Claim(outcome.clone()))?;
/// assert_eq!(settled.map(|claims| claims.won.len()), Some(1));
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[derive(Debug)]
pub struct ClaimsInDoubt<T>(Mutex<State<T>>);

#[derive(Debug)]
struct State<T> {
    unknown: VecDeque<(T, Vec<Claim>)>,
    /// They were written, but not returned to a caller yet.
    won: Vec<Claim>,
}

impl<T> Default for ClaimsInDoubt<T> {
    fn default() -> Self {
        Self(Mutex::new(State { unknown: VecDeque::new(), won: Vec::new() }))
    }
}

impl<T> ClaimsInDoubt<T> {
    /// Keeps claims that may have been written with this token.
    pub fn keep(&self, token: T, claims: Vec<Claim>) {
        if !claims.is_empty() {
            self.state().unknown.push_back((token, claims));
        }
    }

    /// Finds out about the kept claims, and returns those that were won, or `None` if there are none to return.
    ///
    /// `find_out` asks the server about the claims with a token, and returns for each whether it was written, or `None` if
    /// the server does not know yet; other jobs do not wait for that. `decide` is called for each record, as for every
    /// claim; if it leaves one (no room to run it), a later call returns the claim.
    ///
    /// # Errors
    /// Any error from `find_out`. All claims are kept then.
    pub fn settle(
        &self,
        due: &ClaimRequest,
        mut find_out: impl FnMut(&T, &[Claim]) -> Result<Option<Vec<bool>>>,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Option<Claims>> {
        // Taken out, so that no lock is held while the server is asked.
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
        // The caller still has to look at everything else that is due.
        let resume = due.after.clone().unwrap_or_else(ClaimCursor::beginning);
        Ok((!claims.is_empty()).then_some(Claims::new(claims, Some(resume))))
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        // Nothing panics half way under the lock.
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
                "the store was dropped before {event}"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apscheduler_core::store::{ClaimOutcome, JobPayload, NextRun};
    use apscheduler_core::time::Timestamp;
    use apscheduler_core::{Error, ErrorKind};

    fn claim(id: &str) -> Claim {
        let time = Timestamp::UNIX_EPOCH;
        let outcome = ClaimOutcome::new(time, NextRun::Finished);
        let state = JobPayload::Encoded("{}".into());
        let record = JobRecord::new(id, Some(time), 1, state);
        Claim::new(record, outcome)
    }

    fn take(record: &JobRecord) -> Decision {
        Decision::Claim(claim(&record.id).outcome)
    }

    fn due(limit: usize) -> ClaimRequest {
        ClaimRequest::new(Timestamp::UNIX_EPOCH, limit)
    }

    fn ids(claims: Option<Claims>) -> Vec<String> {
        let claims = claims.into_iter().flat_map(|claims| claims.won);
        claims.map(|claim| claim.record.id.to_string()).collect()
    }

    #[test]
    fn written_claims_are_returned_once() {
        let doubt = ClaimsInDoubt::default();
        assert!(
            doubt.settle(&due(10), |_, _| panic!("no claim is kept"), &mut take).unwrap().is_none()
        );
        doubt.keep(1, vec![claim("a"), claim("b")]);
        doubt.keep(2, vec![claim("c")]);
        doubt.keep(3, vec![claim("d")]);
        let find_out = |token: &i32, _: &[Claim]| match token {
            1 => Ok(Some(vec![false, true])),
            token => Ok(Some(vec![*token == 3])),
        };
        let settled = doubt.settle(&due(10), find_out, &mut take).unwrap();
        assert!(settled.as_ref().unwrap().resume.is_some(), "the rest is still to be looked at");
        assert_eq!(ids(settled), ["b", "d"]);
        assert!(
            doubt.settle(&due(10), |_, _| panic!("all are settled"), &mut take).unwrap().is_none()
        );
    }

    #[test]
    fn no_claim_is_forgotten_while_the_server_is_unavailable() {
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
    fn unknown_claims_do_not_delay_others() {
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
    fn claims_without_room_wait() {
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
