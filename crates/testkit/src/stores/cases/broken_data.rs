//! A record that is no job any more stands in nobody's way, and is not lost.

use apscheduler_core::store::{Decision, JobRecord, NewRecord, NextRun};

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
}

/// A store with three jobs, of which the first is broken.
fn open_with_a_broken_one(place: &Place<'_>) -> Opened {
    let store = place.open();
    add(&*store, &[("broken", Some(second(1))), ("b", Some(second(2))), ("c", None)]);
    let can = place.capabilities();
    if can.durable && !can.shared {
        // Nobody else may have it open, so it need not notice what is changed under it.
        store.close();
        place.corrupt("broken");
        return place.open();
    }
    place.corrupt("broken");
    store
}

fn assert_broken(record: &JobRecord) {
    let text = record.state.as_text().expect("a store that can be broken keeps text");
    let job = serde_json::from_str::<serde_json::Value>(text).ok();
    let is_job = job.is_some_and(|job| job.get("version").is_some());
    assert!(!is_job, "the harness did not break the record, or the store mended it: {text:?}");
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
    assert_eq!(state_number(&find(&*store, "b").state), 0);
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
        assert_eq!(seen[..2], ["broken", "b"], "it is left to the scheduler what to do");
        assert!(claimed(&claims).contains(&"b"), "it blocks nobody");
        assert_eq!(ids(&list(&*store)), ["broken", "b", "c"], "it is not deleted");
        let restored = JobRecord { next_run_time: Some(second(2)), ..find(&*store, "b") };
        assert!(store.update_job(&restored).expect("updated"));
    }
}

fn a_broken_record_is_repaired_by_an_update(place: &Place<'_>) {
    let store = open_with_a_broken_one(place);
    let state = Records::of(&*store).state(5);
    let repaired = JobRecord { state, ..find(&*store, "broken") };
    assert!(store.update_job(&repaired).expect("updated"));
    assert_eq!(state_number(&find(&*store, "broken").state), 5);
}

fn a_broken_record_is_replaced(place: &Place<'_>) {
    let store = open_with_a_broken_one(place);
    let records = Records::of(&*store);
    let new = NewRecord {
        state: records.state(5),
        replace: true,
        ..records.new_record("broken", Some(second(9)))
    };
    store.add_jobs(vec![new]).expect("replaced");
    assert_eq!(state_number(&find(&*store, "broken").state), 5);
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
