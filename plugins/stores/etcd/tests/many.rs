//! More jobs than fit into a request or a transaction.
#![allow(clippy::unwrap_used, reason = "tests")]

mod place;

use std::collections::BTreeSet;

use apscheduler_core::ErrorKind;
use apscheduler_core::ledger::Batch;
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::store::{
    ClaimOutcome, ClaimRequest, Decision, JobPayload, JobRecord, JobStore, NewRecord, NextRun,
};
use apscheduler_core::time::{Timestamp, from_micros};
use apscheduler_store_etcd::EtcdJobStore;

const COUNT: usize = 20_000;

/// A path that is removed at the end of the test.
struct Path(String);

impl Drop for Path {
    fn drop(&mut self) {
        place::remove(&self.0);
    }
}

fn open() -> (EtcdJobStore, Path) {
    let path = Path(place::new_path());
    let store = EtcdJobStore::with_options(place::options(&path.0)).unwrap();
    store.start("default").unwrap();
    (store, path)
}

fn at(second: usize) -> Timestamp {
    from_micros(1_800_000_000_000_000 + i64::try_from(second).unwrap() * 1_000_000)
}

fn id(number: usize) -> String {
    format!("job-{number:05}")
}

fn job(number: usize, state: &str) -> NewRecord {
    NewRecord::new(id(number), Some(at(number)), JobPayload::Encoded(state.into()))
}

fn list(store: &EtcdJobStore) -> Vec<JobRecord> {
    let mut records: Vec<JobRecord> = Vec::new();
    loop {
        let after = records.last().map(JobRecord::cursor);
        let page = store.get_jobs(after.as_ref(), 1000).unwrap();
        if page.is_empty() {
            return records;
        }
        records.extend(page);
    }
}

#[test]
fn many_jobs_are_added_listed_claimed_and_removed() {
    let (store, _path) = open();
    let state = format!("{{\"version\":1,\"text\":\"{}\"}}", "x".repeat(500));
    store.add_jobs((0..COUNT).map(|number| job(number, &state)).collect()).unwrap();
    let listed = list(&store);
    assert!(listed.iter().map(|record| record.id.to_string()).eq((0..COUNT).map(id)));
    assert!(listed.iter().all(|record| record.payload.as_text() == Some(&state)));
    let (now, later) = (at(COUNT), at(10 * COUNT));
    let (owner, mut claimed, mut after) = (OwnerId::random(), BTreeSet::new(), None);
    loop {
        let batch = Batch::new(owner, now);
        let due = ClaimRequest::new(now, 1000).after(after).batch(batch);
        let claims = store.claim_due(&due, &mut |record| {
            let outcome = ClaimOutcome::new(record.next_run_time.unwrap(), NextRun::At(later));
            Decision::Claim(outcome.first_run(RunId::new(now)).batch(batch.id))
        });
        let claims = claims.unwrap();
        claimed.extend(claims.won.iter().map(|claim| claim.record.id.to_string()));
        after = claims.resume;
        if after.is_none() {
            break;
        }
    }
    assert!(claimed.into_iter().eq((0..COUNT).map(id)));
    let journal = store.ledger().unwrap().journal(owner, 1000).unwrap();
    assert_eq!(journal.iter().map(|batch| batch.entries.len()).sum::<usize>(), COUNT);
    assert_eq!(store.next_run_time(None).unwrap(), Some(later));
    store.remove_all_jobs().unwrap();
    assert!(list(&store).is_empty());
    assert_eq!(store.next_run_time(None).unwrap(), None);
}

#[test]
fn a_taken_id_refuses_many() {
    let (store, path) = open();
    store.add_jobs(vec![job(777, "{}")]).unwrap();
    let error = store.add_jobs((0..3000).map(|number| job(number, "{}")).collect()).unwrap_err();
    assert_eq!((error.kind(), error.job_id()), (ErrorKind::ConflictingId, Some("job-00777")));
    assert_eq!(list(&store).len(), 1);
    let left = place::keys(&path.0).into_iter().filter(|(key, _)| key.starts_with("staged/"));
    assert_eq!(left.count(), 0, "what was staged is removed");
}

#[test]
fn many_jobs_are_replaced() {
    let (store, _path) = open();
    store.add_jobs((0..1000).map(|number| job(number, "{}")).collect()).unwrap();
    let before = list(&store);
    let replacing = (500..1500).map(|number| {
        let paused = job(number, "{\"version\":2}").with_next_run_time(None);
        paused.with_replace(true)
    });
    store.add_jobs(replacing.collect()).unwrap();
    let after = list(&store);
    assert!(after.iter().map(|record| record.id.to_string()).eq((0..1500).map(id)));
    for (before, after) in before.iter().zip(&after) {
        let is_replaced = after.next_run_time.is_none();
        assert_eq!(is_replaced, &*after.id >= "job-00500");
        assert_eq!(after.revision > before.revision, is_replaced);
    }
    assert_eq!(store.next_run_time(Some(at(499))).unwrap(), None);
}

/// A process that ends after it has made many jobs count, before they are in their places.
#[test]
fn others_finish_what_a_process_has_begun_to_add() {
    let (store, path) = open();
    store.add_jobs(vec![job(2, "{\"old\":1}")]).unwrap();
    let staged = |call: &str, part: usize, text: &str| {
        place::put(format!("{}/staged/{call}/{part:08}", path.0), text);
    };
    let time = "2027-01-15T08:00:01.000000Z";
    staged("7.x", 0, &format!("{time} 1 2 a{{}}paused 9 9 job-00002{{\"new\":1}}"));
    staged("7.x", 1, &format!("{time} 1 2 b{{}}"));
    staged("8.y", 0, &format!("{time} 1 2 c{{}}"));
    assert_eq!(list(&store).len(), 1, "nothing counts yet");
    place::put(format!("{}/adding", path.0), "7.x");
    let listed = list(&store);
    let ids: Vec<&str> = listed.iter().map(|record| &*record.id).collect();
    assert_eq!(ids, ["a", "b", "job-00002"]);
    assert_eq!(listed[2].payload.as_text(), Some("{\"new\":1}"));
    assert_eq!(listed[2].next_run_time, None);
    let left: Vec<String> = place::keys(&path.0).into_iter().map(|(key, _)| key).collect();
    assert!(!left.contains(&"adding".to_owned()), "{left:?}");
    assert!(left.contains(&"staged/8.y/00000000".to_owned()), "{left:?}");
}

#[test]
fn a_damaged_part_is_set_aside() {
    let (store, path) = open();
    place::put(format!("{}/staged/7.x/00000000", path.0), "oops");
    place::put(format!("{}/adding", path.0), "7.x");
    store.add_jobs(vec![job(1, "{}")]).unwrap();
    assert_eq!(list(&store).len(), 1);
    let keys = place::keys(&path.0);
    assert!(keys.contains(&("damaged/7.x/00000000".to_owned(), "oops".to_owned())), "{keys:?}");
}
