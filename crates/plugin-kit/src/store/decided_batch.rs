//! A batch of due records with the decision on each.

use apscheduler_core::ledger::Journal;
use apscheduler_core::store::{
    Claim, ClaimCursor, ClaimRequest, Claims, Decision, JobRecord, NextRun,
};
use apscheduler_core::time::Timestamp;

/// A batch of due records with the decision on each, for stores that order due records by run time and id.
///
/// A store that locks the records until the decisions are written uses [`of_locked`](Self::of_locked). A store that reads
/// first and writes with a compare-and-set uses [`of_snapshot`](Self::of_snapshot).
#[derive(Debug)]
pub struct DecidedBatch {
    now: Timestamp,
    resume: Option<ClaimCursor>,
    decided: Vec<(JobRecord, Decision)>,
}

impl DecidedBatch {
    /// Calls `decide` for each of these locked records, in their order.
    pub fn of_locked(
        records: Vec<JobRecord>,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Self {
        let last = if records.len() >= due.limit { records.last() } else { None };
        let resume = last.and_then(cursor);
        let decided = records.into_iter().map(|record| {
            let decision = decide(&record);
            (record, decision)
        });
        Self { now: due.now, resume, decided: decided.collect() }
    }

    /// Calls `decide` for each of these records, in their order, until the new place of a job that catches up would be
    /// passed: the batch ends there, so that the next batch finds the job.
    pub fn of_snapshot(
        records: Vec<JobRecord>,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Self {
        let mut has_more = records.len() >= due.limit;
        let mut decided = Vec::with_capacity(records.len());
        let mut last: Option<ClaimCursor> = None;
        let mut still_due: Option<ClaimCursor> = None;
        for record in records {
            // Only a manual edit can leave a due record without a run time.
            let Some(place) = cursor(&record) else { continue };
            if still_due.as_ref().is_some_and(|next| *next < place) {
                break;
            }
            last = Some(place);
            let decision = decide(&record);
            if let Decision::Claim(outcome) = &decision
                && let NextRun::At(next) = outcome.next
                && next <= due.now
            {
                let place = ClaimCursor::at_id(next, record.id.clone());
                still_due = Some(still_due.map_or(place.clone(), |earlier| earlier.min(place)));
                has_more = true;
            }
            decided.push((record, decision));
        }
        Self { now: due.now, resume: last.filter(|_| has_more), decided }
    }

    /// Returns where to continue, or `None` if all that is due was looked at.
    pub fn resume(&self) -> Option<&ClaimCursor> {
        self.resume.as_ref()
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.decided.iter().all(|(_, decision)| *decision == Decision::Leave)
    }

    /// Returns the claimed records.
    pub fn claimed(&self) -> impl Iterator<Item = &JobRecord> {
        self.outcomes().map(|(record, _)| record)
    }

    /// Returns what a store with a ledger writes into its journal; see [`ClaimRequest::journal`].
    pub fn journal(&self, due: &ClaimRequest) -> Option<Journal> {
        due.journal(self.decided.iter().filter_map(|(record, decision)| match decision {
            Decision::Claim(outcome) => Some((record, outcome)),
            Decision::Leave => None,
        }))
    }

    /// Returns the ids of the claimed jobs that run again, with their next run times.
    pub fn moved(&self) -> impl Iterator<Item = (&str, Timestamp)> {
        self.outcomes().filter_map(|(record, next)| match next {
            NextRun::At(time) => Some((&*record.id, time)),
            NextRun::Finished => None,
        })
    }

    /// Returns the ids of the claimed jobs that have finished.
    pub fn finished(&self) -> impl Iterator<Item = &str> {
        let finished = self.outcomes().filter(|(_, next)| *next == NextRun::Finished);
        finished.map(|(record, _)| &*record.id)
    }

    /// Returns the ids of the jobs that are still due once the batch is written: they were left, or catch up.
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

    /// Keeps only the claims for which `is_ours` returns `true`; another caller won the others meanwhile.
    pub fn keep_claims(&mut self, is_ours: impl Fn(&JobRecord) -> bool) {
        for (record, decision) in &mut self.decided {
            if !is_ours(record) {
                *decision = Decision::Leave;
            }
        }
    }

    /// Converts the batch into its claims.
    pub fn into_claims(self) -> Claims {
        let claims = self.decided.into_iter().filter_map(|(record, decision)| match decision {
            Decision::Claim(outcome) => Some(Claim::new(record, outcome)),
            Decision::Leave => None,
        });
        Claims::new(claims.collect(), self.resume)
    }

    fn outcomes(&self) -> impl Iterator<Item = (&JobRecord, NextRun)> {
        self.decided.iter().filter_map(|(record, decision)| match decision {
            Decision::Claim(outcome) => Some((record, outcome.next)),
            Decision::Leave => None,
        })
    }
}

/// The place of a record; `None` if it has no run time.
fn cursor(record: &JobRecord) -> Option<ClaimCursor> {
    Some(ClaimCursor::at_id(record.next_run_time?, record.id.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use apscheduler_core::store::{ClaimOutcome, JobPayload};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_timestamp_nanos(second * 1_000_000_000)
    }

    fn batch(limit: usize) -> DecidedBatch {
        let record =
            |id: &str| JobRecord::new(id, Some(at(1)), 7, JobPayload::Encoded("{}".into()));
        let records = ["again", "ends", "late", "left", "moved"].map(record);
        let due = ClaimRequest::new(at(5), limit);
        DecidedBatch::of_locked(records.into(), &due, &mut |record| {
            let next = match &*record.id {
                "again" => NextRun::At(at(6)),
                "late" => NextRun::At(at(5)),
                "ends" => NextRun::Finished,
                "moved" => NextRun::At(at(9)),
                _ => return Decision::Leave,
            };
            Decision::Claim(ClaimOutcome::new(at(1), next))
        })
    }

    fn ids(claims: &Claims) -> Vec<&str> {
        claims.won.iter().map(|claim| &*claim.record.id).collect()
    }

    #[test]
    fn decisions_are_grouped_by_their_effect() {
        let batch = batch(10);
        let moved: Vec<_> = batch.moved().collect();
        assert_eq!(moved, [("again", at(6)), ("late", at(5)), ("moved", at(9))]);
        assert_eq!(batch.finished().collect::<Vec<_>>(), ["ends"]);
        assert_eq!(batch.still_due().collect::<Vec<_>>(), ["late", "left"]);
        assert_eq!((batch.resume(), batch.is_empty()), (None, false));
        let claims = batch.into_claims();
        assert_eq!(ids(&claims), ["again", "ends", "late", "moved"]);
        assert_eq!(claims.resume, None);
    }

    #[test]
    fn a_full_batch_resumes_after_its_last_record() {
        let place = ClaimCursor::at_id(at(1), "moved");
        assert_eq!(batch(5).resume(), Some(&place));
        assert_eq!(batch(5).into_claims().resume, Some(place));
    }

    #[test]
    fn claims_that_others_won_are_dropped() {
        let mut batch = batch(10);
        batch.keep_claims(|record| &*record.id == "ends");
        assert_eq!((batch.moved().count(), batch.finished().count()), (0, 1));
        assert_eq!(ids(&batch.into_claims()), ["ends"]);
    }

    #[test]
    fn a_snapshot_ends_before_the_new_place_of_a_job_that_catches_up() {
        let record = |(id, time): (&str, i64)| {
            JobRecord::new(id, Some(at(time)), 7, JobPayload::Encoded("{}".into()))
        };
        let records = || [("a", 1), ("b", 2), ("c", 4)].map(record).to_vec();
        let due = ClaimRequest::new(at(5), 10);
        let batch = |next_of_a| {
            let mut decide = |record: &JobRecord| match &*record.id {
                "a" => Decision::Claim(ClaimOutcome::new(at(1), NextRun::At(at(next_of_a)))),
                _ => Decision::Claim(ClaimOutcome::new(at(2), NextRun::Finished)),
            };
            DecidedBatch::of_snapshot(records(), &due, &mut decide).into_claims()
        };
        let early = batch(3);
        assert_eq!(
            (ids(&early), early.resume.clone()),
            (vec!["a", "b"], Some(ClaimCursor::at_id(at(2), "b")))
        );
        let all = batch(9);
        assert_eq!((ids(&all), all.resume.clone()), (vec!["a", "b", "c"], None));
    }
}
