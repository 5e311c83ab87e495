//! Places that are emptied or replaced while stores are open on them.

use std::time::Duration;

use apscheduler_core::ErrorKind;
use apscheduler_core::store::{Claim, ClaimRequest, Decision, JobRecord, JobStore, NextRun};

use super::actions::{Patience, add, claim_all, claimed, ids, list, take};
use super::watching::watch;
use crate::stores::Place;
use crate::stores::case::cases;
use crate::stores::records::second;

cases! { "replacing":
    Place an_emptied_place_is_reported_once_and_works_again [Empty],
    Place a_place_recreated_by_others_is_reported_before_its_jobs_are_claimed [Empty],
    Place only_a_claim_reports_an_emptied_place [Empty],
    Place a_replaced_place_can_be_watched [Empty, Watch],
}

/// The maximum time until a change is reported.
const SOON: Duration = Duration::from_secs(10);

fn empty(place: &Place<'_>) {
    place.harness().empty().expect("checked before the case was run")(place.address());
}

fn run_again(record: &JobRecord) -> Decision {
    take(record, NextRun::At(second(60)))
}

/// Claims like the engine, until the store reports that the place was replaced. Until then nothing
/// is claimed.
fn wait_until_reported(store: &dyn JobStore) {
    let patience = Patience::new("a claim reports that the place was emptied");
    loop {
        let due = ClaimRequest::new(second(10), 10);
        match store.claim_due(&due, &mut run_again) {
            Err(error) if error.kind() == ErrorKind::StoreReplaced => {
                assert!(error.is_retryable(), "{}", error.chain());
                return;
            }
            Err(error) => assert!(error.is_retryable(), "it must be retryable: {}", error.chain()),
            Ok(batch) => assert!(batch.won.is_empty(), "it was claimed in the wrong place"),
        }
        patience.check();
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn claim(store: &dyn JobStore) -> Vec<Claim> {
    claim_all(store, second(10), 10, run_again)
}

fn an_emptied_place_is_reported_once_and_works_again(place: &Place<'_>) {
    let store = place.open();
    for id in ["a", "b"] {
        add(&*store, &[(id, Some(second(1)))]);
        empty(place);
        wait_until_reported(&*store);
        assert!(claim(&*store).is_empty(), "it is reported once, and the jobs are gone");
    }
    add(&*store, &[("c", Some(second(1)))]);
    assert_eq!(claimed(&claim(&*store)), ["c"]);
    // For every handle, it is a place like any other.
    assert_eq!(ids(&list(&*place.open())), ["c"]);
}

fn a_place_recreated_by_others_is_reported_before_its_jobs_are_claimed(place: &Place<'_>) {
    let store = place.open();
    add(&*store, &[("a", Some(second(1)))]);
    empty(place);
    let other = place.open();
    add(&*other, &[("b", Some(second(1)))]);
    wait_until_reported(&*store);
    assert_eq!(ids(&list(&*store)), ["b"]);
    assert_eq!(claimed(&claim(&*store)), ["b"]);
    assert!(claim(&*other).is_empty(), "each fire is claimed once");
}

fn only_a_claim_reports_an_emptied_place(place: &Place<'_>) {
    let store = place.open();
    add(&*store, &[("a", Some(second(1)))]);
    empty(place);
    for _ in 0..2 {
        // An error or nothing, but never the removed job.
        match store.get_jobs(None, 10) {
            Ok(jobs) => assert!(jobs.is_empty()),
            Err(error) => assert!(error.is_retryable(), "{}", error.chain()),
        }
    }
    wait_until_reported(&*store);
    assert!(claim(&*store).is_empty());
}

fn a_replaced_place_can_be_watched(place: &Place<'_>) {
    let store = place.open();
    let (before, _) = watch(&store);
    empty(place);
    wait_until_reported(&*store);
    drop(before);
    let (_watch, receiver) = watch(&store);
    add(&*place.open(), &[("a", Some(second(1)))]);
    assert!(receiver.recv_timeout(SOON).is_ok(), "an added job is reported");
}
