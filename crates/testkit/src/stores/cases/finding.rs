//! Looking up jobs by id, and finding the next run time.

use apscheduler_core::store::JobStore;
use apscheduler_core::time::Timestamp;
use chrono::TimeDelta;

use super::actions::{add, find};
use crate::stores::case::cases;
use crate::stores::records::second;

cases! { "finding":
    Store a_job_is_found_among_others,
    Store a_missing_job_is_none,
    Store an_empty_store_has_no_next_run_time,
    Store the_next_run_time_is_the_earliest,
    Store paused_jobs_have_no_next_run_time,
    Store the_next_run_time_after_an_instant_is_later,
}

fn next(store: &dyn JobStore, after: impl Into<Option<Timestamp>>) -> Option<Timestamp> {
    store.next_run_time(after.into()).expect("the next run time is found")
}

fn a_job_is_found_among_others(store: &dyn JobStore) {
    add(store, &[("job", Some(second(1))), ("job1", None), ("jo", Some(second(3)))]);
    assert_eq!(find(store, "job").next_run_time, Some(second(1)));
    assert_eq!(find(store, "job1").next_run_time, None);
    assert_eq!(find(store, "jo").next_run_time, Some(second(3)));
}

fn a_missing_job_is_none(store: &dyn JobStore) {
    for id in ["foo", "j", "job11", "job%", "job_", "*", "", "JOB1"] {
        assert!(store.lookup_job(id).expect("no error").is_none(), "{id:?} in an empty store");
    }
    add(store, &[("job1", Some(second(1)))]);
    for id in ["foo", "j", "job11", "job%", "job_", "*", "", "JOB1"] {
        assert!(store.lookup_job(id).expect("no error").is_none(), "{id:?} beside `job1`");
    }
}

fn an_empty_store_has_no_next_run_time(store: &dyn JobStore) {
    assert_eq!(next(store, None), None);
    assert_eq!(next(store, second(0)), None);
}

fn the_next_run_time_is_the_earliest(store: &dyn JobStore) {
    add(store, &[("a", Some(second(3))), ("b", Some(second(1))), ("c", Some(second(2)))]);
    assert_eq!(next(store, None), Some(second(1)));
}

fn paused_jobs_have_no_next_run_time(store: &dyn JobStore) {
    add(store, &[("a", None), ("b", None)]);
    assert_eq!(next(store, None), None);
    add(store, &[("c", Some(second(1)))]);
    assert_eq!(next(store, None), Some(second(1)));
    assert_eq!(next(store, second(1)), None);
}

fn the_next_run_time_after_an_instant_is_later(store: &dyn JobStore) {
    let tick = TimeDelta::microseconds(1);
    let times = [second(5), second(1), second(3) + tick, second(3), second(1), second(5)];
    let names = ["a", "b", "c", "d", "e", "f"];
    let jobs: Vec<_> = names.into_iter().zip(times.map(Some)).collect();
    add(store, &jobs);
    assert_eq!(next(store, second(0)), Some(second(1)));
    assert_eq!(next(store, second(1) - tick), Some(second(1)));
    assert_eq!(next(store, second(1)), Some(second(3)));
    assert_eq!(next(store, second(3)), Some(second(3) + tick));
    assert_eq!(next(store, second(3) + tick), Some(second(5)));
    assert_eq!(next(store, second(5)), None);
    assert_eq!(next(store, second(9)), None);
}
