//! A batch of due records on which was decided.

use apscheduler_core::store::{
    Claim, ClaimCursor, ClaimRequest, Claims, Decision, JobRecord, NextRun, TieBreaker,
};
use apscheduler_core::time::Timestamp;

/// A batch of due records with what was decided on each, for stores that go through what is due by run time and id, and
/// lock it until the decisions are written.
#[derive(Debug)]
pub struct DecidedBatch {
    now: Timestamp,
    resume: Option<ClaimCursor>,
    decided: Vec<(JobRecord, Decision)>,
}

impl DecidedBatch {
    /// Asks `decide` about the records that were found, in their order.
    pub fn decide(
        records: Vec<JobRecord>,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Self {
        let last = if records.len() >= due.limit { records.last() } else { None };
        let resume = last.and_then(|last| {
            Some(ClaimCursor {
                next_run_time: last.next_run_time?,
                tie_breaker: TieBreaker::Id(last.id.clone()),
            })
        });
        let decided = records.into_iter().map(|record| {
            let decision = decide(&record);
            (record, decision)
        });
        Self { now: due.now, resume, decided: decided.collect() }
    }

    /// The place of the last record, where there were as many as were asked for, so that there may be more behind it.
    pub fn resume(&self) -> Option<&ClaimCursor> {
        self.resume.as_ref()
    }

    /// Whether nothing is to be written.
    pub fn is_left(&self) -> bool {
        self.decided.iter().all(|(_, decision)| *decision == Decision::Leave)
    }

    /// The records that were claimed.
    pub fn claimed(&self) -> impl Iterator<Item = &JobRecord> {
        self.outcomes().map(|(record, _)| record)
    }

    /// The ids of the jobs that run again, with their next run times.
    pub fn moved(&self) -> impl Iterator<Item = (&str, Timestamp)> {
        self.outcomes().filter_map(|(record, next)| match next {
            NextRun::At(time) => Some((&*record.id, time)),
            NextRun::Finished => None,
        })
    }

    /// The ids of the jobs that have finished.
    pub fn finished(&self) -> impl Iterator<Item = &str> {
        let finished = self.outcomes().filter(|(_, next)| *next == NextRun::Finished);
        finished.map(|(record, _)| &*record.id)
    }

    /// The ids of the jobs that are due still when all this is written, because they were left or catch up.
    pub fn still_due(&self) -> impl Iterator<Item = &str> {
        self.decided.iter().filter_map(|(record, decision)| {
            let is_due = match decision {
                Decision::Leave => true,
                Decision::Claim(outcome) => {
                    matches!(outcome.next, NextRun::At(next) if next <= self.now)
                }
            };
            is_due.then_some(&*record.id)
        })
    }

    /// Leaves what another caller won in between.
    pub fn keep_claims(&mut self, is_ours: impl Fn(&JobRecord) -> bool) {
        for (record, decision) in &mut self.decided {
            if !is_ours(record) {
                *decision = Decision::Leave;
            }
        }
    }

    /// The claims, once they are written.
    pub fn into_claims(self) -> Claims {
        let claims = self.decided.into_iter().filter_map(|(record, decision)| match decision {
            Decision::Claim(outcome) => Some(Claim { record, outcome }),
            Decision::Leave => None,
        });
        Claims { won: claims.collect(), resume: self.resume }
    }

    fn outcomes(&self) -> impl Iterator<Item = (&JobRecord, NextRun)> {
        self.decided.iter().filter_map(|(record, decision)| match decision {
            Decision::Claim(outcome) => Some((record, outcome.next)),
            Decision::Leave => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apscheduler_core::store::{ClaimOutcome, JobPayload, RunTimes};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_timestamp_nanos(second * 1_000_000_000)
    }

    fn batch(limit: usize) -> DecidedBatch {
        let record = |id: &str| JobRecord {
            id: id.into(),
            next_run_time: Some(at(1)),
            revision: 7,
            payload: JobPayload::Encoded("{}".into()),
        };
        let records = ["again", "behind", "ends", "left", "moved"].map(record);
        let due = ClaimRequest { now: at(5), limit, after: None };
        DecidedBatch::decide(records.into(), &due, &mut |record| {
            let next = match &*record.id {
                "again" => NextRun::At(at(6)),
                "behind" => NextRun::At(at(5)),
                "ends" => NextRun::Finished,
                "moved" => NextRun::At(at(9)),
                _ => return Decision::Leave,
            };
            Decision::Claim(ClaimOutcome { run_times: RunTimes::One(at(1)), next })
        })
    }

    fn ids(claims: &Claims) -> Vec<&str> {
        claims.won.iter().map(|claim| &*claim.record.id).collect()
    }

    #[test]
    fn decisions_are_sorted_by_what_they_do() {
        let batch = batch(10);
        let moved: Vec<_> = batch.moved().collect();
        assert_eq!(moved, [("again", at(6)), ("behind", at(5)), ("moved", at(9))]);
        assert_eq!(batch.finished().collect::<Vec<_>>(), ["ends"]);
        assert_eq!(batch.still_due().collect::<Vec<_>>(), ["behind", "left"]);
        assert_eq!((batch.resume(), batch.is_left()), (None, false));
        let claims = batch.into_claims();
        assert_eq!(ids(&claims), ["again", "behind", "ends", "moved"]);
        assert_eq!(claims.resume, None);
    }

    #[test]
    fn a_full_batch_is_resumed_behind_its_last_record() {
        let place =
            ClaimCursor { next_run_time: at(1), tie_breaker: TieBreaker::Id("moved".into()) };
        assert_eq!(batch(5).resume(), Some(&place));
        assert_eq!(batch(5).into_claims().resume, Some(place));
    }

    #[test]
    fn what_others_won_is_left() {
        let mut batch = batch(10);
        batch.keep_claims(|record| &*record.id == "ends");
        assert_eq!((batch.moved().count(), batch.finished().count()), (0, 1));
        assert_eq!(ids(&batch.into_claims()), ["ends"]);
    }
}
