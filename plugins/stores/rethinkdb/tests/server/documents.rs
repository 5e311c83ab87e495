//! The documents: keys of long ids, hidden jobs, manual edits, and permissions.

use apscheduler_core::ErrorKind;
use apscheduler_core::ledger::{Retention, RunQuery, RunState, Writes};
use apscheduler_core::run::OwnerId;
use apscheduler_core::store::{ClaimRequest, Decision, JobStore, NextRun};
use apscheduler_core::time::{Clock as _, SystemClock};
use apscheduler_store_rethinkdb::RethinkDbJobStore;
use apscheduler_testkit::stores::records::second;
use serde_json::{Value, json};

use crate::calls::{Place, add, claim, claim_batch, claimed, ledger, new, open};
use crate::place::{self, jobs, run, set};

/// Returns the documents in the table of jobs, except that with the version.
fn documents(place: &Place) -> Vec<Value> {
    let found = run(&jobs(&place.0));
    let found = found.as_array().unwrap().iter();
    found.filter(|document| document["id"].is_string()).cloned().collect()
}

#[test]
fn long_ids_have_derived_keys() {
    let place = Place::new();
    let store = place.open();
    let id = "é".repeat(191);
    let owner = OwnerId::random();
    add(&store, &id, Some(second(1)));
    let found = documents(&place);
    assert_eq!(found[0]["job"], json!(id));
    assert!(found[0]["id"].as_str().unwrap().starts_with("sha256:"));
    let (batch, claims) =
        claim_batch(&store, owner, second(1), NextRun::At(second(2)), Some("{}")).unwrap();
    assert_eq!(claimed(&claims), [&*id]);
    let records = open(&store, owner, RunState::Ok);
    let closed = [batch.id];
    ledger(&store).append(owner, &Writes::new().records(&records).closed(&closed)).unwrap();
    let runs = ledger(&store).runs(&RunQuery::new().job(&*id)).unwrap();
    assert_eq!((runs.len(), &*runs[0].job_id), (1, &*id));
    assert!(store.remove_job(&id).unwrap() && documents(&place).is_empty());
}

#[test]
fn a_finished_job_is_removed_at_once_or_with_its_runs() {
    let place = Place::new();
    let store = place.open();
    let owner = OwnerId::random();
    add(&store, "a", Some(second(1)));
    claim(&store, second(1), NextRun::Finished).unwrap();
    assert!(documents(&place).is_empty());
    add(&store, "b", Some(second(1)));
    let (batch, _) = claim_batch(&store, owner, second(1), NextRun::Finished, None).unwrap();
    let found = documents(&place);
    assert!(found[0]["finished"].is_number() && found[0]["open"].is_array(), "{found:?}");
    ledger(&store).append(owner, &Writes::new().closed(&[batch.id])).unwrap();
    assert!(documents(&place).is_empty());
}

#[test]
fn a_hidden_job_that_was_left_is_removed_after_a_day() {
    let place = Place::new();
    let store = place.open();
    for (id, hours) in [("old", 25), ("new", 23), ("open", 25)] {
        add(&store, id, None);
        let finished = SystemClock.now().timestamp() - hours * 3600;
        set(&place.0, id, json!({"next_run_time": null, "finished": finished}));
    }
    set(&place.0, "open", json!({"open": []}));
    assert!(store.get_jobs(None, 10).unwrap().is_empty());
    ledger(&store).prune(SystemClock.now(), &Retention::default(), 10).unwrap();
    let mut left: Vec<Value> = documents(&place).iter().map(|row| row["id"].clone()).collect();
    left.sort_by_key(Value::to_string);
    assert_eq!(left, [json!("new"), json!("open")]);
    // The ids are free.
    store.add_jobs(["old", "new", "open"].map(|id| new(id, Some(second(1)))).into()).unwrap();
    assert_eq!(claim(&store, second(1), NextRun::Finished).unwrap().won.len(), 3);
}

#[test]
fn broken_run_times_and_revisions_do_not_stop_others() {
    let place = Place::new();
    let store = place.open();
    let broken = [
        json!("soon"),
        json!([1]),
        json!([1, 2, 3]),
        json!([1, -5]),
        json!([1.5, 0]),
        json!(["a", 0]),
        json!(5),
        json!({"a": 1}),
        json!([null, 0]),
    ];
    for (number, time) in broken.iter().enumerate() {
        let id = format!("broken{number}");
        add(&store, &id, Some(second(1)));
        set(&place.0, &*id, json!({"next_run_time": time, "revision": "none"}));
    }
    add(&store, "good", Some(second(1)));
    for limit in [1, 3, 100] {
        let (mut ids, mut after) = (Vec::new(), None);
        loop {
            let page = store.get_jobs(after.as_ref(), limit).unwrap();
            after = page.last().map(apscheduler_core::store::JobRecord::cursor);
            ids.extend(page.iter().map(|record| record.id.to_string()));
            if page.len() < limit {
                break;
            }
        }
        assert_eq!((ids.len(), &*ids[0]), (10, "good"), "by {limit}: {ids:?}");
    }
    let due = ClaimRequest::new(second(1), 10);
    store
        .claim_due(&due, &mut |record| {
            assert_eq!(&*record.id, "good");
            Decision::Leave
        })
        .unwrap();
    let repaired =
        store.lookup_job("broken0").unwrap().unwrap().with_next_run_time(Some(second(0)));
    assert_eq!(repaired.revision, 0);
    assert!(store.update_job(&repaired).unwrap());
    assert!(!store.update_job(&repaired).unwrap(), "it has a revision again");
    assert_eq!(store.next_run_time(None).unwrap(), Some(second(0)));
}

#[test]
fn a_user_without_write_permission_gets_an_error() {
    let place = Place::new();
    add(&place.open(), "a", Some(second(1)));
    let reader = RethinkDbJobStore::with_options(place::reader(&place.0)).unwrap();
    let error = reader.start("default").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store, "{}", error.chain());
    assert!(error.chain().contains("permission"), "{}", error.chain());
    reader.start_read_only("default").unwrap();
    assert!(reader.lookup_job("a").unwrap().is_some());
    let error = reader.remove_job("a").unwrap_err();
    assert!(error.chain().contains("permission") && !error.is_retryable(), "{}", error.chain());
}

#[test]
fn an_emptied_table_is_replaced() {
    let place = Place::new();
    let store = place.open();
    add(&store, "a", Some(second(1)));
    // `delete`
    run(&place::client::Term::new(54, [jobs(&place.0)]));
    let error = claim(&store, second(1), NextRun::Finished).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreReplaced, "{}", error.chain());
    add(&store, "b", Some(second(1)));
    assert_eq!(claimed(&claim(&store, second(1), NextRun::Finished).unwrap()), ["b"]);
}
