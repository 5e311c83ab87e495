//! Jobs that others change, break, or leave incomplete.

use std::time::Duration;

use apscheduler_core::ErrorKind;
use apscheduler_core::store::{ClaimRequest, JobStore, NextRun};
use apscheduler_testkit::stores::records::second;
use mongodb::bson::{Document, doc};

use crate::calls::{Place, add, claim, claimed, insert, listed, new, take, watch};
use crate::place::with_collection;

fn set(place: &Place, id: &str, fields: Document) {
    let update = doc! {"$set": fields};
    with_collection(&place.0, async |jobs| jobs.update_one(doc! {"_id": id}, update).await);
}

#[test]
fn applications_with_different_collections_share_a_server() {
    let (shop, bank) = (Place::new(), Place::new());
    let (shop_store, bank_store) = (shop.open(), bank.open());
    add(&shop_store, "a", Some(second(1)));
    add(&bank_store, "a", Some(second(2)));
    assert_eq!(listed(&shop_store), [("a".to_owned(), Some(second(1)))]);
    shop_store.remove_all_jobs().unwrap();
    assert_eq!(listed(&bank_store), [("a".to_owned(), Some(second(2)))]);
}

#[test]
fn a_store_works_in_threads_of_another_runtime() {
    let place = Place::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = place.open();
        add(&store, "a", Some(second(1)));
        assert_eq!(listed(&store).len(), 1);
        store.shutdown().unwrap();
    });
}

#[test]
fn a_watch_ignores_own_changes() {
    let place = Place::new();
    let (store, other) = (place.open(), place.open());
    let (watch, told) = watch(&store);
    add(&store, "own", Some(second(9)));
    claim(&store, second(9), NextRun::At(second(12))).unwrap();
    let silence = told.recv_timeout(Duration::from_millis(900));
    assert!(silence.is_err(), "its own change is not reported");
    add(&other, "a", Some(second(1)));
    told.recv_timeout(Duration::from_secs(5)).expect("a change is reported");
    drop(watch);
}

#[test]
fn a_batch_may_be_won_in_part() {
    let place = Place::new();
    let (store, other) = (place.open(), place.open());
    for next in [NextRun::At(second(9)), NextRun::At(second(1_000_000)), NextRun::Finished] {
        store.remove_all_jobs().unwrap();
        for id in ["a", "b", "c", "d"] {
            add(&store, id, Some(second(1)));
        }
        let due = ClaimRequest::new(second(1), 100);
        let claims = store.claim_due(&due, &mut |record| {
            // Another handle claims two of them first.
            match &*record.id {
                "b" => assert!(other.remove_job("b").unwrap()),
                "c" => assert!(other.update_job(record).unwrap()),
                _ => {}
            }
            take(record, next)
        });
        assert_eq!(claimed(&claims.unwrap()), ["a", "d"]);
        let left = if next == NextRun::Finished { 1 } else { 3 };
        assert_eq!(listed(&store).len(), left);
    }
}

/// The server may refuse them for any reason; here, because of a validator of the collection.
fn refuse(place: &Place, ids: &[&str]) {
    for id in ids {
        set(place, id, doc! {"refused": true});
    }
    let validator = doc! {"collMod": &place.0, "validator": {"refused": {"$ne": true}}};
    with_collection(&place.0, async |jobs| {
        jobs.client().database(&jobs.namespace().db).run_command(validator).await
    });
}

#[test]
fn refused_claims_end_the_pass_and_stay_due() {
    let place = Place::new();
    let store = place.open();
    for id in ["a", "b", "c"] {
        add(&store, id, Some(second(1)));
    }
    refuse(&place, &["a", "b", "c"]);
    let due = ClaimRequest::new(second(1), 2);
    for _ in 0..2 {
        let refused = store.claim_due(&due, &mut |record| take(record, NextRun::At(second(9))));
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Store);
        assert!(error.is_retryable() && error.to_string().contains("refused"), "{error}");
    }
    let mend = doc! {"$unset": {"refused": 1}};
    with_collection(&place.0, async |jobs| jobs.update_many(doc! {}, mend).await);
    let claims = claim(&store, second(1), NextRun::At(second(9))).unwrap();
    assert_eq!(claimed(&claims), ["a", "b", "c"]);
}

#[test]
fn refused_claims_do_not_delay_others() {
    let place = Place::new();
    let store = place.open();
    for id in ["a", "b", "c", "d", "e"] {
        add(&store, id, Some(second(1)));
    }
    refuse(&place, &["a", "b", "c"]);
    let mut due = ClaimRequest::new(second(1), 4);
    for (won, is_end) in [("d", false), ("e", true)] {
        let claims = store.claim_due(&due, &mut |record| take(record, NextRun::At(second(9))));
        let claims = claims.unwrap();
        assert_eq!(claimed(&claims), [won]);
        due.after = claims.resume;
        assert_eq!(due.after.is_none(), is_end);
    }
}

#[test]
fn adding_and_replacing_is_all_or_nothing() {
    let place = Place::new();
    let store = place.open();
    add(&store, "old", Some(second(1)));
    add(&store, "taken", Some(second(2)));
    let before = listed(&store);
    let batch = |id| vec![new("new", None, false), new("old", None, true), new(id, None, false)];
    let error = store.add_jobs(batch("taken")).unwrap_err();
    assert_eq!((error.kind(), error.job_id()), (ErrorKind::ConflictingId, Some("taken")));
    assert_eq!(listed(&store), before);
    store.add_jobs(batch("free")).unwrap();
    let ids: Vec<String> = listed(&store).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["taken", "free", "new", "old"]);
}

#[test]
fn manually_broken_documents_are_not_lost() {
    let place = Place::new();
    let store = place.open();
    add(&store, "a", Some(second(1)));
    for fields in
        [doc! {"job_state": 5}, doc! {"revision": "x"}, doc! {"next_run_time": "tomorrow"}]
    {
        set(&place, "a", fields.clone());
        assert_eq!(listed(&store).len(), 1, "{fields}");
    }
    let record = store.lookup_job("a").unwrap().unwrap();
    assert_eq!((record.payload.as_text(), record.next_run_time), (Some("5"), None));
    let mended = record.with_next_run_time(Some(second(5)));
    assert!(store.update_job(&mended).unwrap());
    assert!(!store.update_job(&mended).unwrap());
    assert_eq!(claimed(&claim(&store, second(5), NextRun::Finished).unwrap()), ["a"]);
    assert!(listed(&store).is_empty());
}

#[test]
fn foreign_documents_hide_no_jobs() {
    let place = Place::new();
    let store = place.open();
    for id in 0..5 {
        insert(&place.0, doc! {"_id": id, "next_run_time": 1_i64});
        insert(&place.0, doc! {"_id": id + 10});
    }
    add(&store, "due", Some(second(1)));
    add(&store, "paused", None);
    assert_eq!(store.get_jobs(None, 1).unwrap().len(), 1);
    assert_eq!(listed(&store), [("due".into(), Some(second(1))), ("paused".into(), None)]);
    assert_eq!(store.next_run_time(None).unwrap(), Some(second(1)));
    assert_eq!(
        claimed(&claim(&store, second(1), NextRun::At(second(1_000_000))).unwrap()),
        ["due"]
    );
}

#[test]
fn a_finished_job_that_was_not_removed_is_hidden() {
    let place = Place::new();
    let store = place.open();
    let died = doc! {"finished": mongodb::bson::DateTime::now(), "next_run_time": null};
    for (id, replace) in [("a", false), ("b", true)] {
        add(&store, id, Some(second(1)));
        let before = store.lookup_job(id).unwrap().unwrap();
        set(&place, id, died.clone());
        assert!(store.lookup_job(id).unwrap().is_none());
        assert!(listed(&store).is_empty());
        assert!(!store.remove_job(id).unwrap());
        let error = store.update_job(&before).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::JobLookup);
        store.add_jobs(vec![new(id, Some(second(2)), replace)]).unwrap();
        assert_eq!(listed(&store), [(id.to_owned(), Some(second(2)))]);
        assert!(store.remove_job(id).unwrap());
    }
}
