//! Deciding on a batch of due records, for stores that read first and write with a compare-and-set.

use std::sync::Arc;

use apscheduler_core::store::{
    Claim, ClaimCursor, ClaimRequest, Decision, JobRecord, NextRun, TieBreaker,
};
use apscheduler_core::time::Timestamp;

/// What was decided on a batch of due records, for stores that order them by run time and id.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The claims, which are not written yet.
    pub claims: Vec<Claim>,
    /// Where to look on: `None` when all that is due was looked at.
    pub resume: Option<ClaimCursor>,
}

/// A place in the order of run times and ids.
type Place = (Timestamp, Arc<str>);

impl Batch {
    /// Asks `decide` about the records, which come in their order, at most `due.limit` of them. A job that catches up
    /// takes its new place among them, so the batch ends before that place is passed: the next one finds it there.
    pub fn decide(
        records: Vec<JobRecord>,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Self {
        let is_last = records.len() < due.limit;
        let mut claims = Vec::with_capacity(records.len());
        let mut last: Option<Place> = None;
        let mut still_due: Option<Place> = None;
        for record in records {
            // Only a hand can have written a run time that is none.
            let Some(time) = record.next_run_time else { continue };
            let place = (time, Arc::clone(&record.id));
            if still_due.as_ref().is_some_and(|next| *next < place) {
                break;
            }
            last = Some(place);
            if let Decision::Claim(outcome) = decide(&record) {
                if let NextRun::At(next) = outcome.next
                    && next <= due.now
                {
                    let place = (next, Arc::clone(&record.id));
                    still_due = Some(still_due.map_or(place.clone(), |earlier| earlier.min(place)));
                }
                claims.push(Claim { record, outcome });
            }
        }
        let resume = last.filter(|_| !is_last || still_due.is_some()).map(|(next_run_time, id)| {
            ClaimCursor { next_run_time, tie_breaker: TieBreaker::Id(id) }
        });
        Self { claims, resume }
    }
}
