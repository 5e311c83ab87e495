//! Removing jobs.

use apscheduler_core::store::{Decision, JobStore};

use super::actions::{add, claim, ids, list};
use crate::stores::case::cases;
use crate::stores::records::second;

cases! { "removing":
    Store a_removed_job_is_gone,
    Store a_missing_job_is_not_removed,
    Store all_jobs_are_removed,
    Store an_empty_store_can_be_emptied,
}

fn is_empty(store: &dyn JobStore) {
    assert!(list(store).is_empty());
    assert_eq!(store.next_run_time(None).expect("no error"), None);
    let claims = claim(store, second(9), 10, |record| panic!("{} is due", record.id));
    assert!(claims.won.is_empty() && claims.resume.is_none());
}

fn a_removed_job_is_gone(store: &dyn JobStore) {
    add(store, &[("a", Some(second(1))), ("b", Some(second(2))), ("c", None)]);
    assert!(store.remove_job("a").expect("removed"));
    assert!(store.lookup_job("a").expect("no error").is_none());
    assert_eq!(ids(&list(store)), ["b", "c"]);
    assert_eq!(store.next_run_time(None).expect("a time"), Some(second(2)));
    let mut due = Vec::new();
    claim(store, second(9), 10, |record| {
        due.push(record.id.to_string());
        Decision::Leave
    });
    assert_eq!(due, ["b"]);
    assert!(store.remove_job("c").expect("removed"));
    assert!(store.remove_job("b").expect("removed"));
    is_empty(store);
}

fn a_missing_job_is_not_removed(store: &dyn JobStore) {
    assert!(!store.remove_job("a").expect("no error"));
    add(store, &[("a", Some(second(1))), ("ab", None)]);
    for id in ["A", "a ", "abc", "%", "*"] {
        assert!(!store.remove_job(id).expect("no error"), "{id:?}");
    }
    assert!(store.remove_job("a").expect("removed"));
    assert!(!store.remove_job("a").expect("no error"), "it was removed already");
    assert_eq!(ids(&list(store)), ["ab"]);
}

fn all_jobs_are_removed(store: &dyn JobStore) {
    add(store, &[("a", Some(second(1))), ("b", Some(second(2))), ("c", None)]);
    store.remove_all_jobs().expect("removed");
    is_empty(store);
    assert!(store.lookup_job("b").expect("no error").is_none());
    add(store, &[("a", Some(second(3)))]);
    assert_eq!(ids(&list(store)), ["a"]);
    assert_eq!(store.next_run_time(None).expect("a time"), Some(second(3)));
}

fn an_empty_store_can_be_emptied(store: &dyn JobStore) {
    store.remove_all_jobs().expect("nothing to do is not an error");
    is_empty(store);
}
