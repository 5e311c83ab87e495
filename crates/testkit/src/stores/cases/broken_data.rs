//! A corrupt record does not block other jobs, and is not lost.

use apscheduler_core::store::{Decision, JobRecord, JobStore, NextRun};
use apscheduler_core::time::Timestamp;

use super::actions::{add, claim_all, claimed, find, ids, list, list_by, take};
use crate::stores::case::cases;
use crate::stores::records::{Records, second, state_number};
use crate::stores::{Opened, Place};

cases! { "broken_data":
    Place a_broken_record_is_listed [Corrupt],
    Place a_broken_record_is_found [Corrupt],
    Place a_broken_record_is_due [Corrupt],
    Place a_broken_record_is_repaired_by_an_update [Corrupt],
    Place a_broken_record_is_replaced [Corrupt],
    Place a_broken_record_is_removed [Corrupt],
    Place a_broken_record_survives [Corrupt, Durable],
    Place extreme_numbers_as_run_times_are_listed_and_claimed [SetRunTime],
    Store the_first_and_the_last_instant_are_listed_and_claimed,
}

/// Opens a store with three jobs, the first of which is broken.
fn open_with_a_broken_one(place: &Place<'_>) -> Opened {
    let store = place.open();
    add(&*store, &[("broken", Some(second(1))), ("b", Some(second(2))), ("c", None)]);
    let can = place.capabilities();
    if can.durable && !can.shared {
        // No other handle may be open, so the store need not notice direct changes.
        store.close();
        place.corrupt("broken");
        return place.open();
    }
    place.corrupt("broken");
    store
}

fn assert_broken(record: &JobRecord) {
    let text = record.payload.as_text().expect("a store that can be broken keeps text");
    let job = serde_json::from_str::<serde_json::Value>(text).ok();
    let is_job = job.is_some_and(|job| job.get("version").is_some());
    assert!(!is_job, "the harness did not break the record, or the store repaired it: {text:?}");
}

fn a_broken_record_is_listed(place: &Place<'_>) {
    let store = open_with_a_broken_one(place);
    for limit in [1, 2, 10] {
        let listed = list_by(&*store, limit);
        assert_eq!(ids(&listed), ["broken", "b", "c"]);
        assert_broken(&listed[0]);
    }
}

fn a_broken_record_is_found(place: &Place<'_>) {
    let store = open_with_a_broken_one(place);
    let found = find(&*store, "broken");
    assert_broken(&found);
    assert_eq!(found.next_run_time, Some(second(1)));
    assert_eq!(state_number(&find(&*store, "b").payload), 0);
}

fn a_broken_record_is_due(place: &Place<'_>) {
    let store = open_with_a_broken_one(place);
    for limit in [1, 10] {
        let mut seen = Vec::new();
        let claims = claim_all(&*store, second(5), limit, |record| {
            seen.push(record.id.to_string());
            if &*record.id == "broken" {
                assert_broken(record);
                return Decision::Leave;
            }
            take(record, NextRun::At(second(3)))
        });
        assert_eq!(seen[..2], ["broken", "b"], "the scheduler decides what to do");
        assert!(claimed(&claims).contains(&"b"), "it does not block other jobs");
        assert_eq!(ids(&list(&*store)), ["broken", "b", "c"], "it is not deleted");
        let restored = find(&*store, "b").with_next_run_time(Some(second(2)));
        assert!(store.update_job(&restored).expect("updated"));
    }
}

fn a_broken_record_is_repaired_by_an_update(place: &Place<'_>) {
    let store = open_with_a_broken_one(place);
    let state = Records::of(&*store).state(5);
    let repaired = find(&*store, "broken").with_payload(state);
    assert!(store.update_job(&repaired).expect("updated"));
    assert_eq!(state_number(&find(&*store, "broken").payload), 5);
}

fn a_broken_record_is_replaced(place: &Place<'_>) {
    let store = open_with_a_broken_one(place);
    let records = Records::of(&*store);
    let new = records
        .new_record("broken", Some(second(9)))
        .with_payload(records.state(5))
        .with_replace(true);
    store.add_jobs(vec![new]).expect("replaced");
    assert_eq!(state_number(&find(&*store, "broken").payload), 5);
    assert_eq!(ids(&list(&*store)), ["b", "broken", "c"]);
}

fn a_broken_record_is_removed(place: &Place<'_>) {
    let store = open_with_a_broken_one(place);
    assert!(store.remove_job("broken").expect("removed"));
    assert_eq!(ids(&list(&*store)), ["b", "c"]);
}

fn a_broken_record_survives(place: &Place<'_>) {
    let store = open_with_a_broken_one(place);
    let before = find(&*store, "broken");
    store.close();
    let store = place.open();
    assert_broken(&find(&*store, "broken"));
    assert_eq!(find(&*store, "broken").revision, before.revision);
    assert_eq!(ids(&list(&*store)), ["broken", "b", "c"]);
}

const ENDS: [&str; 7] = ["first a", "first b", "now", "last a", "last b", "paused a", "paused b"];

/// Lists by pages of every size, finds each run time in turn, and claims due jobs.
fn check_extreme_run_times(store: &dyn JobStore) {
    for limit in [1, 2, 3, 10] {
        assert_eq!(ids(&list_by(store, limit)), ENDS, "by pages of {limit}");
    }
    let mut times = Vec::new();
    let mut after = None;
    while let Some(next) = store.next_run_time(after).expect("no error") {
        assert!(after.is_none_or(|after| after < next), "{next} comes after {after:?}");
        times.push(next);
        after = Some(next);
    }
    assert_eq!(times.len(), 3, "{times:?}");
    assert_eq!(times[1], second(1));
    for limit in [1, 2, 10] {
        let mut due = Vec::new();
        claim_all(store, second(5), limit, |record| {
            due.push(record.id.to_string());
            Decision::Leave
        });
        due.sort_unstable();
        assert_eq!(due, ENDS[..3], "by batches of {limit}");
    }
    let claims = claim_all(store, second(5), 10, |record| take(record, NextRun::At(second(9))));
    assert_eq!(claimed(&claims).len(), 3);
    assert_eq!(ids(&list(store)), ENDS, "claimed jobs are listed by their next run time");
    let first = find(store, "last a").with_next_run_time(Some(second(1)));
    assert!(store.update_job(&first).expect("it can be repaired"));
    assert_eq!(ids(&list(store))[0], "last a");
}

fn extreme_numbers_as_run_times_are_listed_and_claimed(place: &Place<'_>) {
    let store = place.open();
    let jobs = ENDS.map(|id| (id, (!id.starts_with("paused")).then(|| second(1))));
    add(&*store, &jobs);
    // Not every store must notice direct changes under an open handle.
    store.close();
    for (ids, number) in [(&ENDS[..2], i64::MIN), (&ENDS[3..5], i64::MAX)] {
        for id in ids {
            place.set_run_time(id, number);
        }
    }
    check_extreme_run_times(&*place.open());
}

fn the_first_and_the_last_instant_are_listed_and_claimed(store: &dyn JobStore) {
    let time = |id: &str| match id.split(' ').next() {
        Some("first") => Some(Timestamp::MIN_UTC),
        Some("now") => Some(second(1)),
        Some("last") => Some(Timestamp::MAX_UTC),
        _ => None,
    };
    add(store, &ENDS.map(|id| (id, time(id))));
    check_extreme_run_times(store);
}
