//! Behavior specific to etcd: keys, manual edits, broken connections, and the ledger.
#![allow(clippy::unwrap_used, reason = "tests")]

mod ledger;
#[path = "../place/mod.rs"]
mod place;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use apscheduler_core::store::{
    ClaimOutcome, ClaimRequest, Claims, Decision, JobPayload, JobStore, NewRecord, NextRun,
    RunTimes,
};
use apscheduler_core::time::Timestamp;
use apscheduler_core::{Error, ErrorKind};
use apscheduler_store_etcd::{EtcdJobStore, EtcdOptions};
use apscheduler_testkit::stores::Proxy;
use chrono::TimeDelta;

/// A path that is removed at the end of the test.
struct Path(String);

impl Path {
    fn new() -> Self {
        Self(place::new_path())
    }

    fn options(&self) -> EtcdOptions {
        place::options(&self.0)
    }

    fn open(&self) -> EtcdJobStore {
        started(self.options())
    }

    fn put(&self, key: &str, value: &str) {
        place::put(format!("{}/{key}", self.0), value);
    }

    /// Returns the keys that begin with this, and their values.
    fn keys(&self, start: &str) -> Vec<(String, String)> {
        let mut keys = place::keys(&self.0);
        keys.retain(|(key, _)| key.starts_with(start));
        keys
    }
}

impl Drop for Path {
    fn drop(&mut self) {
        place::remove(&self.0);
    }
}

fn started(options: EtcdOptions) -> EtcdJobStore {
    let store = EtcdJobStore::with_options(options).unwrap();
    store.start("default").unwrap();
    store
}

fn start_error(options: EtcdOptions) -> Error {
    EtcdJobStore::with_options(options).unwrap().start("default").unwrap_err()
}

fn second(seconds: i64) -> Timestamp {
    "2027-01-01T00:00:00Z".parse::<Timestamp>().unwrap() + TimeDelta::seconds(seconds)
}

fn add(store: &EtcdJobStore, id: &str, time: Option<Timestamp>) {
    let state = JobPayload::Encoded(r#"{"version":1}"#.into());
    store.add_jobs(vec![NewRecord::new(id, time, state)]).unwrap();
}

fn claim(store: &EtcdJobStore, now: Timestamp) -> apscheduler_core::Result<Claims> {
    let due = ClaimRequest::new(now, 100);
    store.claim_due(&due, &mut |record| {
        let run_times = RunTimes::One(record.next_run_time.unwrap());
        Decision::Claim(ClaimOutcome::new(run_times, NextRun::At(now + TimeDelta::seconds(60))))
    })
}

fn listed(store: &EtcdJobStore) -> Vec<(String, Option<Timestamp>)> {
    let records = store.get_jobs(None, 100).unwrap();
    records.into_iter().map(|record| (record.id.to_string(), record.next_run_time)).collect()
}

#[test]
fn an_unreachable_server_is_named_without_the_password() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let options = EtcdOptions::default().host("127.0.0.1").port(port).login("ann", "pass-word");
    let store = EtcdJobStore::with_options(options).unwrap();
    let error = store.start("default").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.is_retryable());
    assert!(error.to_string().contains(&format!("http://127.0.0.1:{port}")), "{error}");
    let everything = format!("{error:?} {} {store:?}", error.chain());
    assert!(!everything.contains("pass-word"), "{everything}");
}

#[test]
fn an_unresponsive_server_does_not_hang_the_caller() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let options = EtcdOptions::default()
        .host("127.0.0.1")
        .port(silent.local_addr().unwrap().port())
        .timeout(Duration::from_millis(300))
        .connect_timeout(Duration::from_millis(300));
    let begin = Instant::now();
    let error = start_error(options);
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_cluster_works_while_a_member_is_away() {
    let path = Path::new();
    let away = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let store = started(path.options().endpoints([format!("http://{away}"), place::url()]));
    for number in 0..50 {
        add(&store, &format!("job{number:02}"), Some(second(1)));
    }
    assert_eq!(claim(&store, second(5)).unwrap().won.len(), 50);
}

#[test]
fn the_keys_of_a_job_are_those_of_the_documentation() {
    let path = Path::new();
    let store = path.open();
    add(&store, "a/b", Some(second(1)));
    add(&store, "c", None);
    let time = "2027-01-01T00:00:01.000000Z";
    let value = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(path.keys("format"), [value("format", "1")]);
    assert_eq!(path.keys("run/"), [value("run/a/b", time), value("run/c", "paused")]);
    assert_eq!(path.keys("job/"), ["job/a/b", "job/c"].map(|key| value(key, r#"{"version":1}"#)));
    let due = [value(&format!("due/{time}/a/b"), ""), value("due/paused/c", "")];
    assert_eq!(path.keys("due/"), due);
    assert!(store.remove_job("a/b").unwrap());
    store.remove_all_jobs().unwrap();
    for start in ["run/", "job/", "due/"] {
        assert_eq!(path.keys(start), []);
    }
}

#[test]
fn a_run_time_that_was_edited_is_valid() {
    let path = Path::new();
    let store = path.open();
    for id in ["earlier", "later", "paused", "broken"] {
        add(&store, id, Some(second(100)));
    }
    path.put("run/earlier", "2027-01-01T00:00:01.000000Z");
    path.put("run/later", "2027-01-01T01:00:00.000000Z");
    path.put("run/paused", "paused");
    path.put("run/broken", "soon");
    // What was not found yet is repaired when its old place is.
    assert_eq!(listed(&store), [("broken".to_owned(), Some(second(100)))]);
    let expected = [
        ("earlier", Some(second(1))),
        ("broken", Some(second(100))),
        ("later", Some(second(3600))),
        ("paused", None),
    ];
    assert_eq!(listed(&store), expected.map(|(id, time)| (id.to_owned(), time)));
    assert_eq!(path.keys("due/").len(), 4);
    assert_eq!(claim(&store, second(100)).unwrap().won.len(), 2);
}

#[test]
fn a_place_without_a_job_is_removed() {
    let path = Path::new();
    let store = path.open();
    add(&store, "a", Some(second(2)));
    path.put("due/2027-01-01T00:00:01.000000Z/gone", "");
    assert_eq!(store.next_run_time(None).unwrap(), Some(second(2)));
    assert_eq!(path.keys("due/").len(), 1);
}

/// The tokens of claims are removed by the claims that follow.
#[test]
fn claims_leave_little_behind() {
    let path = Path::new();
    let store = path.open();
    add(&store, "a", Some(second(0)));
    for round in 0..20 {
        assert_eq!(claim(&store, second(round * 60)).unwrap().won.len(), 1);
        assert!(path.keys("token/").len() <= 2, "{:?}", path.keys("token/"));
    }
}

#[test]
fn old_tokens_and_staged_jobs_are_removed_at_the_start() {
    let path = Path::new();
    path.open();
    let recent = i64::MAX.to_string();
    path.put("token/old.1/at", "7");
    path.put("token/old.1/3", "");
    path.put("token/new.1/at", &recent);
    path.put("staged/7.x/00000000", "oops");
    path.put(&format!("staged/{recent}.x/00000000"), "oops");
    path.open();
    let keys: Vec<String> = path.keys("token/").into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["token/new.1/at"]);
    assert_eq!(path.keys("staged/").len(), 1);
}

/// The floor spares the server the places of the past, and never hides a job.
#[test]
fn jobs_before_the_floor_are_found() {
    let path = Path::new();
    let (store, other) = (path.open(), path.open());
    add(&store, "a", Some(second(100)));
    assert_eq!(claim(&store, second(100)).unwrap().won.len(), 1);
    assert_eq!(
        path.keys("floor"),
        [("floor".to_owned(), "2027-01-01T00:02:40.000000Z".to_owned())]
    );
    assert!(claim(&store, second(50)).unwrap().won.is_empty());
    add(&other, "early", Some(second(1)));
    assert_eq!(
        path.keys("floor"),
        [("floor".to_owned(), "2027-01-01T00:00:01.000000Z".to_owned())]
    );
    assert_eq!(store.next_run_time(None).unwrap(), Some(second(1)));
    assert_eq!(claim(&store, second(50)).unwrap().won.len(), 1);
    let mut record = store.lookup_job("a").unwrap().unwrap();
    record.next_run_time = Some(second(-5));
    assert!(other.update_job(&record).unwrap());
    assert_eq!(listed(&store)[0], ("a".to_owned(), Some(second(-5))));
}

#[test]
fn a_claim_that_was_lost_in_part_is_known_after_a_lost_answer() {
    let path = Path::new();
    let (proxy, url) = Proxy::before(&place::url());
    let store = started(path.options().endpoints([url]));
    let other = path.open();
    for id in ["a", "b", "c"] {
        add(&other, id, Some(second(1)));
    }
    let due = ClaimRequest::new(second(10), 100);
    let take = |time| Decision::Claim(ClaimOutcome::new(time, NextRun::At(second(60))));
    let lost = store.claim_due(&due, &mut |record| {
        if &*record.id == "c" {
            // Somebody else claims `b` in between.
            let again = |record: &apscheduler_core::store::JobRecord| match &*record.id {
                "b" => take(second(1)),
                _ => Decision::Leave,
            };
            assert_eq!(other.claim_due(&due, &mut { again }).unwrap().won.len(), 1);
            proxy.lose_responses();
        }
        take(second(1))
    });
    assert!(lost.unwrap_err().is_retryable());
    proxy.mend();
    let settled = loop {
        match store.claim_due(&due, &mut |_| take(second(1))) {
            Err(error) => assert!(error.is_retryable(), "{}", error.chain()),
            Ok(claims) => break claims.won,
        }
    };
    let ids: Vec<&str> = settled.iter().map(|claim| &*claim.record.id).collect();
    assert_eq!(ids, ["a", "c"]);
}
