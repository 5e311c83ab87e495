//! Adding and replacing jobs.

use apscheduler_core::ErrorKind;
use apscheduler_core::store::{JobRecord, JobStore, NewRecord};

use super::actions::{add, add_many, find, ids, list, many_id};
use crate::stores::Place;
use crate::stores::case::cases;
use crate::stores::records::{Records, same_state, second, state_number};

cases! { "adding":
    Store a_job_is_kept_as_it_was_given,
    Store an_id_that_is_taken_is_refused,
    Store a_taken_id_refuses_the_whole_batch,
    Store a_taken_id_in_a_batch_replaces_nothing,
    Store an_id_may_occur_only_once_in_a_batch,
    Store a_job_is_replaced_on_request,
    Store replacing_adds_a_missing_job,
    Store replacing_pauses_and_resumes,
    Store a_batch_without_jobs_changes_nothing,
    Place ten_thousand_jobs_are_added_at_once,
}

fn refused(store: &dyn JobStore, new: Vec<NewRecord>, id: &str) {
    let error = store.add_jobs(new).expect_err("the id is taken");
    assert_eq!(error.kind(), ErrorKind::ConflictingId, "{error}");
    assert_eq!(error.job_id(), Some(id), "the error names the id: {error}");
}

fn unchanged(store: &dyn JobStore, before: &JobRecord) {
    let now = find(store, &before.id);
    assert_eq!((now.revision, now.next_run_time), (before.revision, before.next_run_time));
    assert!(same_state(&now.payload, &before.payload));
}

fn a_job_is_kept_as_it_was_given(store: &dyn JobStore) {
    let records = Records::of(store);
    let new = records.new_record("a", Some(second(5))).with_payload(records.state(7));
    store.add_jobs(vec![new.clone()]).expect("the job is added");
    let found = find(store, "a");
    assert_eq!(&*found.id, "a");
    assert_eq!(found.next_run_time, Some(second(5)));
    assert!(same_state(&found.payload, &new.payload), "the state came back changed");
}

fn an_id_that_is_taken_is_refused(store: &dyn JobStore) {
    let records = Records::of(store);
    add(store, &[("a", Some(second(1)))]);
    let before = find(store, "a");
    let new = records.new_record("a", Some(second(2))).with_payload(records.state(1));
    refused(store, vec![new], "a");
    unchanged(store, &before);
}

fn a_taken_id_refuses_the_whole_batch(store: &dyn JobStore) {
    let records = Records::of(store);
    add(store, &[("taken", Some(second(1)))]);
    let new = ["a", "b", "taken", "c"].map(|id| records.new_record(id, Some(second(2))));
    refused(store, new.into(), "taken");
    assert_eq!(ids(&list(store)), ["taken"]);
    assert_eq!(store.next_run_time(None).expect("a time"), Some(second(1)));
}

fn a_taken_id_in_a_batch_replaces_nothing(store: &dyn JobStore) {
    let records = Records::of(store);
    add(store, &[("old", Some(second(1))), ("taken", Some(second(2)))]);
    let before = find(store, "old");
    let replacement = records
        .new_record("old", Some(second(3)))
        .with_payload(records.state(1))
        .with_replace(true);
    refused(store, vec![replacement, records.new_record("taken", None)], "taken");
    unchanged(store, &before);
}

fn an_id_may_occur_only_once_in_a_batch(store: &dyn JobStore) {
    let records = Records::of(store);
    for replace in [[false, false], [false, true], [true, true]] {
        let new =
            replace.map(|replace| records.new_record("a", Some(second(1))).with_replace(replace));
        refused(store, new.into(), "a");
        assert!(list(store).is_empty(), "nothing was added, with replace: {replace:?}");
    }
    add(store, &[("a", Some(second(1)))]);
    let before = find(store, "a");
    let new = [2, 3].map(|at| records.new_record("a", Some(second(at))).with_replace(true));
    refused(store, new.into(), "a");
    unchanged(store, &before);
}

fn a_job_is_replaced_on_request(store: &dyn JobStore) {
    let records = Records::of(store);
    add(store, &[("a", Some(second(1))), ("b", Some(second(2)))]);
    let (before, other) = (find(store, "a"), find(store, "b"));
    let new =
        records.new_record("a", Some(second(3))).with_payload(records.state(1)).with_replace(true);
    store.add_jobs(vec![new, records.new_record("c", Some(second(4)))]).expect("added");
    let after = find(store, "a");
    assert_eq!((state_number(&after.payload), after.next_run_time), (1, Some(second(3))));
    assert!(after.revision > before.revision, "replacing raises the revision");
    unchanged(store, &other);
    assert_eq!(ids(&list(store)), ["b", "a", "c"]);
    assert_eq!(store.next_run_time(None).expect("a time"), Some(second(2)));
}

fn replacing_adds_a_missing_job(store: &dyn JobStore) {
    let records = Records::of(store);
    let new = records.new_record("a", Some(second(1))).with_replace(true);
    store.add_jobs(vec![new]).expect("the job is added");
    assert_eq!(ids(&list(store)), ["a"]);
}

fn replacing_pauses_and_resumes(store: &dyn JobStore) {
    let records = Records::of(store);
    add(store, &[("a", Some(second(1)))]);
    for time in [None, Some(second(2)), None] {
        let new = records.new_record("a", time).with_replace(true);
        store.add_jobs(vec![new]).expect("the job is replaced");
        assert_eq!(find(store, "a").next_run_time, time);
        assert_eq!(store.next_run_time(None).expect("a time"), time);
        assert_eq!(ids(&list(store)), ["a"]);
    }
}

fn a_batch_without_jobs_changes_nothing(store: &dyn JobStore) {
    store.add_jobs(Vec::new()).expect("nothing to do is not an error");
    assert!(list(store).is_empty());
}

fn ten_thousand_jobs_are_added_at_once(place: &Place<'_>) {
    let store = place.open();
    let count = place.scaled(10_000);
    add_many(&*store, count, |number| second(number.try_into().expect("small")));
    let records = list(&*store);
    assert_eq!(records.len(), count);
    assert!(records.iter().map(|record| record.id.to_string()).eq((0..count).map(many_id)));
}
