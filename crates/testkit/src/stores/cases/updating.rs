//! Updating jobs; revisions prevent lost updates.

use apscheduler_core::ErrorKind;
use apscheduler_core::store::{JobRecord, JobStore, NextRun};
use apscheduler_core::time::Timestamp;

use super::actions::{add, claim, claimed, find, ids, list, take};
use crate::stores::case::cases;
use crate::stores::records::{Records, same_state, second, state_number};

cases! { "updating":
    Store the_state_is_updated,
    Store the_next_run_time_is_updated,
    Store state_and_next_run_time_are_updated_together,
    Store an_update_touches_no_other_job,
    Store the_earliest_run_time_follows_updates,
    Store what_is_due_follows_updates,
    Store a_missing_job_is_not_updated,
    Store every_update_raises_the_revision,
    Store a_stale_update_changes_nothing,
    Store only_one_of_two_updates_of_a_revision_wins,
    Store a_claim_makes_updates_stale,
    Store replacing_makes_updates_stale,
    Store a_job_that_was_added_again_is_a_new_one,
}

fn update(store: &dyn JobStore, record: &JobRecord) -> bool {
    store.update_job(record).expect("the job is there")
}

fn same(left: &JobRecord, right: &JobRecord) -> bool {
    (&left.id, left.next_run_time, left.revision)
        == (&right.id, right.next_run_time, right.revision)
        && same_state(&left.payload, &right.payload)
}

/// Returns the updates to the first of three jobs that a stale writer could try.
fn stale(store: &dyn JobStore, record: &JobRecord) -> [JobRecord; 3] {
    let state = Records::of(store).state(9);
    [
        record.clone().with_payload(state.clone()),
        record.clone().with_next_run_time(Some(second(99))).with_payload(state),
        record.clone().with_next_run_time(None),
    ]
}

fn the_state_is_updated(store: &dyn JobStore) {
    add(store, &[("a", Some(second(1)))]);
    let before = find(store, "a");
    let state = Records::of(store).state(1);
    assert!(update(store, &before.with_payload(state.clone())));
    let after = find(store, "a");
    assert!(same_state(&after.payload, &state), "the state came back changed");
    assert_eq!(after.next_run_time, Some(second(1)));
}

fn the_next_run_time_is_updated(store: &dyn JobStore) {
    add(store, &[("a", Some(second(1)))]);
    let state = find(store, "a").payload;
    for time in [Some(second(7)), None, None, Some(second(2))] {
        assert!(update(store, &find(store, "a").with_next_run_time(time)));
        let after = find(store, "a");
        assert_eq!(after.next_run_time, time);
        assert!(same_state(&after.payload, &state));
    }
}

fn state_and_next_run_time_are_updated_together(store: &dyn JobStore) {
    add(store, &[("a", Some(second(1)))]);
    let state = Records::of(store).state(1);
    let changed = find(store, "a").with_next_run_time(Some(second(2))).with_payload(state);
    assert!(update(store, &changed));
    let after = find(store, "a");
    assert_eq!((after.next_run_time, state_number(&after.payload)), (Some(second(2)), 1));
}

fn an_update_touches_no_other_job(store: &dyn JobStore) {
    add(store, &[("a", Some(second(1))), ("b", Some(second(1))), ("c", None)]);
    let others = ["b", "c"].map(|id| find(store, id));
    let state = Records::of(store).state(1);
    assert!(update(store, &find(store, "a").with_next_run_time(None).with_payload(state)));
    for other in others {
        assert!(same(&find(store, &other.id), &other), "{} was changed", other.id);
    }
}

fn the_earliest_run_time_follows_updates(store: &dyn JobStore) {
    for (time, earliest) in [(Some(second(0)), second(0)), (None, second(2))] {
        store.remove_all_jobs().expect("removed");
        add(store, &[("a", Some(second(9))), ("b", Some(second(5))), ("c", Some(second(2)))]);
        assert!(update(store, &find(store, "a").with_next_run_time(time)));
        assert_eq!(store.next_run_time(None).expect("a time"), Some(earliest));
    }
}

/// Moves ahead or pauses each of three jobs with equal run times in turn.
fn what_is_due_follows_updates(store: &dyn JobStore) {
    let names = ["job0", "job1", "job2"];
    for moved in names {
        for time in [Some(second(0)), None] {
            store.remove_all_jobs().expect("removed");
            add(store, &names.map(|id| (id, Some(second(5)))));
            assert!(update(store, &find(store, moved).with_next_run_time(time)));
            let claims =
                claim(store, second(5), 10, |record| take(record, NextRun::At(second(1_000_000))));
            let mut due = claimed(&claims.won);
            if time.is_some() {
                assert_eq!(due.remove(0), moved, "the earliest comes first");
            }
            due.sort_unstable();
            let rest: Vec<_> = names.into_iter().filter(|id| *id != moved).collect();
            assert_eq!(due, rest, "after {moved} was moved to {time:?}");
        }
    }
}

fn a_missing_job_is_not_updated(store: &dyn JobStore) {
    add(store, &[("a", Some(second(1))), ("b", Some(second(2)))]);
    let gone = find(store, "a");
    assert!(store.remove_job("a").expect("removed"));
    let never = gone.clone().with_id("never");
    for record in [gone, never] {
        let error = store.update_job(&record).expect_err("there is no such job");
        assert_eq!(error.kind(), ErrorKind::JobLookup, "{error}");
        assert_eq!(error.job_id(), Some(&*record.id), "the error names the id: {error}");
    }
    assert_eq!(ids(&list(store)), ["b"]);
}

fn every_update_raises_the_revision(store: &dyn JobStore) {
    add(store, &[("a", Some(second(1)))]);
    let mut last = find(store, "a");
    let times: [Option<Timestamp>; 5] =
        [Some(second(1)), Some(second(2)), None, None, Some(second(1))];
    for next_run_time in times {
        assert!(update(store, &last.clone().with_next_run_time(next_run_time)));
        let now = find(store, "a");
        assert!(now.revision > last.revision, "{} after {}", now.revision, last.revision);
        last = now;
    }
}

fn a_stale_update_changes_nothing(store: &dyn JobStore) {
    add(store, &[("a", Some(second(1)))]);
    let first = find(store, "a");
    assert!(update(store, &first.clone().with_next_run_time(Some(second(2)))));
    let now = find(store, "a");
    let ahead = now.clone().with_revision(now.revision + 1);
    for record in [first, ahead] {
        for stale in stale(store, &record) {
            assert!(!update(store, &stale), "the revision {} is stale", stale.revision);
            assert!(same(&find(store, "a"), &now), "a stale update changed the job");
        }
    }
    assert_eq!(store.next_run_time(None).expect("a time"), Some(second(2)));
}

fn only_one_of_two_updates_of_a_revision_wins(store: &dyn JobStore) {
    let records = Records::of(store);
    add(store, &[("a", Some(second(1)))]);
    let read = find(store, "a");
    assert!(update(store, &read.clone().with_payload(records.state(1))));
    assert!(!update(store, &read.with_payload(records.state(2))));
    assert_eq!(state_number(&find(store, "a").payload), 1);
}

fn a_claim_makes_updates_stale(store: &dyn JobStore) {
    for next in [NextRun::At(second(9)), NextRun::At(second(1_000_000))] {
        store.remove_all_jobs().expect("removed");
        add(store, &[("a", Some(second(1)))]);
        let read = find(store, "a");
        assert_eq!(claim(store, second(1), 10, |record| take(record, next)).won.len(), 1);
        let claimed = find(store, "a");
        for stale in stale(store, &read) {
            assert!(!update(store, &stale), "the claim was lost");
            assert!(same(&find(store, "a"), &claimed), "the claim was overwritten");
        }
    }
}

fn replacing_makes_updates_stale(store: &dyn JobStore) {
    add(store, &[("a", Some(second(1)))]);
    let read = find(store, "a");
    let records = Records::of(store);
    let new = records.new_record("a", Some(second(1))).with_replace(true);
    store.add_jobs(vec![new]).expect("replaced");
    assert!(!update(store, &read.with_payload(records.state(1))));
    assert_eq!(state_number(&find(store, "a").payload), 0);
}

/// Holds regardless of other jobs and of where they were stored.
fn a_job_that_was_added_again_is_a_new_one(store: &dyn JobStore) {
    let jobs = [("a", Some(second(1))), ("b", Some(second(1)))];
    let ways: [fn(&dyn JobStore); 4] = [
        |store| assert!(store.remove_job("a").expect("removed")),
        |store| assert!(["a", "b"].iter().all(|id| store.remove_job(id).expect("removed"))),
        |store| store.remove_all_jobs().expect("removed"),
        |store| drop(claim(store, second(1), 10, |record| take(record, NextRun::Finished))),
    ];
    for (remove, updates) in ways.into_iter().flat_map(|way| [(way, 0), (way, 1), (way, 5)]) {
        store.remove_all_jobs().expect("removed");
        add(store, &jobs);
        for _ in 0..updates {
            assert!(update(store, &find(store, "a")));
        }
        let read = find(store, "a");
        remove(store);
        add(store, &jobs[..1]);
        let now = find(store, "a");
        for stale in stale(store, &read) {
            assert!(!update(store, &stale), "the update was meant for the removed job");
            assert!(same(&find(store, "a"), &now));
        }
    }
}
