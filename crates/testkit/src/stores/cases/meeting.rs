//! Two handles claim the same due jobs: none is left.

use std::time::Duration;

use apscheduler_core::store::{
    Claim, ClaimCursor, ClaimRequest, Decision, JobRecord, JobStore, NextRun,
};

use super::actions::{add, add_many, claim, claim_all, claimed, many_id, take};
use super::watching::watch;
use crate::stores::Place;
use crate::stores::case::cases;
use crate::stores::records::second;

cases! { "meeting":
    Place jobs_held_by_others_are_tried_again [SkipsLocked, Watch],
    Place jobs_held_by_others_are_tried_again_after_full_batches [SkipsLocked, Watch],
    Place the_loser_of_a_batch_finds_the_rest [Optimistic],
}

/// The maximum time until the store makes its handle scan again.
const SOON: Duration = Duration::from_secs(10);

fn in_a_minute(record: &JobRecord) -> Decision {
    take(record, NextRun::At(second(60)))
}

fn jobs_held_by_others_are_tried_again(place: &Place<'_>) {
    let (store, other) = (place.open(), place.open());
    add(&*other, &[("a", Some(second(1)))]);
    let (_watch, receiver) = watch(&store);
    let left = claim(&*other, second(5), 10, |_| {
        let claims = claim(&*store, second(5), 10, in_a_minute).won;
        assert!(claims.is_empty(), "the other handle holds it, and the claim does not wait");
        Decision::Leave
    });
    assert!(left.won.is_empty());
    assert!(
        receiver.recv_timeout(SOON).is_ok(),
        "the job that the other handle released would be late"
    );
    assert_eq!(claimed(&claim(&*store, second(5), 10, in_a_minute).won), ["a"]);
}

/// Before full batches, and within one; in the last case no job is locked.
fn jobs_held_by_others_are_tried_again_after_full_batches(place: &Place<'_>) {
    let after_a = ClaimCursor::at_id(second(1), "a");
    let take_all = |store: &dyn JobStore| claim_all(store, second(5), 2, in_a_minute).len();
    for (limit, after, left) in [(2, None, 2), (1, Some(after_a), 1), (0, None, 0)] {
        let place = Place::new(place.harness());
        let (store, other) = (place.open(), place.open());
        add(&*other, &["a", "b", "c", "d", "e", "f"].map(|id| (id, Some(second(1)))));
        let (_watch, receiver) = watch(&store);
        let mut taken = 0;
        let held = ClaimRequest::new(second(5), limit).after(after);
        let examined = other.claim_due(&held, &mut |_| {
            if taken == 0 {
                taken = take_all(&*store);
            }
            Decision::Leave
        });
        examined.expect("the jobs are examined");
        if limit == 0 {
            taken = take_all(&*store);
        }
        assert_eq!(taken, 6 - left);
        let patience = if left > 0 { SOON } else { Duration::from_secs(1) };
        assert_eq!(receiver.recv_timeout(patience).is_ok(), left > 0);
        assert_eq!(take_all(&*store), left);
    }
}

/// However it avoids the jobs of the winner, it has seen all due jobs at the end of the pass.
fn the_loser_of_a_batch_finds_the_rest(place: &Place<'_>) {
    const LIMIT: usize = 4;
    const JOBS: usize = 40;
    let (loser, winner) = (place.open(), place.open());
    for round in 0..5 {
        let (now, later) = (second(round * 100), second(round * 100 + 100));
        loser.remove_all_jobs().expect("they are removed");
        add_many(&*loser, JOBS, |_| now);
        let again = |record: &JobRecord| take(record, NextRun::At(later));
        let (mut won, mut claimed): (Vec<Claim>, Vec<Claim>) = Default::default();
        let mut due = ClaimRequest::new(now, LIMIT);
        let mut batches = 0;
        loop {
            let mut first = true;
            let batch = loser.claim_due(&due, &mut |record| {
                // Twice, another handle claims the same jobs first.
                if std::mem::take(&mut first) && batches < 2 {
                    let batch = winner.claim_due(&due, &mut |record| again(record));
                    won.extend(batch.expect("they are claimed").won);
                }
                again(record)
            });
            let batch = batch.expect("they are claimed");
            claimed.extend(batch.won);
            batches += 1;
            assert!(batches < 10 * JOBS, "the pass does not end");
            match batch.resume {
                Some(resume) => due.after = Some(resume),
                None => break,
            }
        }
        assert!(!won.is_empty());
        let mut ids: Vec<&str> =
            won.iter().chain(&claimed).map(|claim| &*claim.record.id).collect();
        ids.sort_unstable();
        assert_eq!(ids, (0..JOBS).map(many_id).collect::<Vec<_>>());
    }
}
