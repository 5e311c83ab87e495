//! What remains after a store is closed, and what other handles see.

use apscheduler_core::store::{JobRecord, JobStore, NextRun};
use chrono::TimeDelta;

use super::actions::{add, claim, claim_all, claimed, find, ids, list, take};
use crate::stores::Place;
use crate::stores::case::cases;
use crate::stores::records::{Records, same_state, second};

cases! { "durability":
    Place closing_keeps_every_job [Durable],
    Place what_was_claimed_stays_claimed [Durable],
    Place what_was_removed_stays_removed [Durable],
    Place a_store_can_be_started_again,
    Place a_store_that_is_not_durable_loses_its_jobs [NotDurable],
    Place a_store_that_never_started_can_be_shut_down,
    Place every_place_is_separate,
    Place another_handle_sees_each_change [Shared],
    Place a_handle_may_close_while_another_works [Shared],
}

fn snapshot(store: &dyn JobStore) -> Vec<JobRecord> {
    let records = list(store);
    assert!(!records.is_empty());
    records
}

fn assert_same(now: &[JobRecord], before: &[JobRecord]) {
    assert_eq!(ids(now), ids(before));
    for (now, before) in now.iter().zip(before) {
        assert_eq!(now.next_run_time, before.next_run_time, "{}", now.id);
        assert_eq!(now.revision, before.revision, "{}", now.id);
        assert!(same_state(&now.payload, &before.payload), "{}", now.id);
    }
}

fn fill(store: &dyn JobStore) {
    let records = Records::of(store);
    let later = second(5) + TimeDelta::microseconds(1);
    let new = [("a", Some(later)), ("b", None), ("é 😀", Some(second(1)))].into_iter().zip(1..);
    let new = new.map(|((id, time), number)| {
        records.new_record(id, time).with_payload(records.state(number))
    });
    store.add_jobs(new.collect()).expect("added");
    let changed = find(store, "a").with_next_run_time(Some(second(7)));
    assert!(store.update_job(&changed).expect("updated"));
}

fn closing_keeps_every_job(place: &Place<'_>) {
    let store = place.open();
    fill(&*store);
    let before = snapshot(&*store);
    store.close();
    for _ in 0..2 {
        let store = place.open();
        assert_same(&snapshot(&*store), &before);
        assert_eq!(store.next_run_time(None).expect("a time"), Some(second(1)));
        store.close();
    }
}

fn what_was_claimed_stays_claimed(place: &Place<'_>) {
    let store = place.open();
    fill(&*store);
    let claims = claim(&*store, second(2), 10, |record| take(record, NextRun::At(second(60))));
    assert_eq!(claims.won.len(), 1);
    let before = snapshot(&*store);
    store.close();
    let store = place.open();
    assert_same(&snapshot(&*store), &before);
    claim(&*store, second(2), 10, |record| panic!("{} is due again", record.id));
    let claims = claim_all(&*store, second(60), 10, |record| take(record, NextRun::Finished));
    assert_eq!(claimed(&claims), ["a", "é 😀"]);
}

fn what_was_removed_stays_removed(place: &Place<'_>) {
    let store = place.open();
    fill(&*store);
    assert!(store.remove_job("b").expect("removed"));
    claim(&*store, second(2), 10, |record| take(record, NextRun::Finished));
    store.close();
    let store = place.open();
    assert_eq!(ids(&list(&*store)), ["a"]);
    store.remove_all_jobs().expect("removed");
    store.close();
    assert!(list(&*place.open()).is_empty());
}

fn a_store_can_be_started_again(place: &Place<'_>) {
    let store = place.open();
    add(&*store, &[("a", Some(second(1)))]);
    for _ in 0..2 {
        store.shutdown().expect("the store shuts down");
        store.start("default").expect("the store starts again");
        let left: &[&str] = if place.capabilities().durable { &["a"] } else { &[] };
        assert_eq!(ids(&list(&*store)), left);
    }
    add(&*store, &[("b", None)]);
    assert!(store.lookup_job("b").expect("no error").is_some());
}

fn a_store_that_is_not_durable_loses_its_jobs(place: &Place<'_>) {
    let store = place.open();
    add(&*store, &[("a", Some(second(1))), ("b", None)]);
    store.shutdown().expect("the store shuts down");
    store.start("default").expect("the store starts again");
    assert!(list(&*store).is_empty());
    assert_eq!(store.next_run_time(None).expect("no error"), None);
}

fn a_store_that_never_started_can_be_shut_down(place: &Place<'_>) {
    let store = place.harness().open(place.address());
    store.shutdown().expect("nothing to do is not an error");
    drop(store);
    let store = place.open();
    store.shutdown().expect("the store shuts down");
    store.shutdown().expect("a second shutdown is not an error");
}

/// Checks the harness: the jobs of one case must not appear in another.
fn every_place_is_separate(place: &Place<'_>) {
    let other = Place::new(place.harness());
    let (store, other_store) = (place.open(), other.open());
    add(&*store, &[("a", Some(second(1)))]);
    assert!(list(&*other_store).is_empty());
    add(&*other_store, &[("a", None), ("b", None)]);
    assert_eq!(ids(&list(&*store)), ["a"]);
    other_store.remove_all_jobs().expect("removed");
    assert_eq!(ids(&list(&*store)), ["a"]);
}

fn another_handle_sees_each_change(place: &Place<'_>) {
    let (store, other) = (place.open(), place.open());
    fill(&*store);
    assert_same(&snapshot(&*other), &snapshot(&*store));
    let changed = find(&*other, "b").with_next_run_time(Some(second(0)));
    assert!(other.update_job(&changed).expect("updated"));
    assert_eq!(store.next_run_time(None).expect("a time"), Some(second(0)));
    claim(&*store, second(0), 10, |record| take(record, NextRun::At(second(50))));
    assert_eq!(find(&*other, "b").next_run_time, Some(second(50)));
    claim(&*other, second(0), 10, |record| panic!("{} is due again", record.id));
    assert!(!other.update_job(&changed).expect("the job is there"), "the revision is stale");
    assert!(other.remove_job("a").expect("removed"));
    assert!(store.lookup_job("a").expect("no error").is_none());
    store.remove_all_jobs().expect("removed");
    assert!(list(&*other).is_empty());
}

fn a_handle_may_close_while_another_works(place: &Place<'_>) {
    let (store, other) = (place.open(), place.open());
    add(&*other, &[("a", Some(second(1)))]);
    other.close();
    add(&*store, &[("b", Some(second(2)))]);
    assert_eq!(ids(&list(&*store)), ["a", "b"]);
    let claims =
        claim_all(&*store, second(2), 10, |record| take(record, NextRun::At(second(1_000_000))));
    assert_eq!(claimed(&claims), ["a", "b"]);
}
