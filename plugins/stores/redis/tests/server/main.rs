//! Behavior specific to Redis: keys, logins, broken connections, manual edits, and the ledger.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../keys/mod.rs"]
mod keys;
mod ledger;

use std::net::TcpListener;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use apscheduler_core::store::{
    ChangeNotifier, ClaimOutcome, ClaimRequest, Claims, Decision, JobPayload, JobRecord, JobStore,
    NewRecord, NextRun, RunTimes,
};
use apscheduler_core::time::Timestamp;
use apscheduler_core::{Error, ErrorKind};
use apscheduler_store_redis::{RedisJobStore, RedisOptions};
use chrono::TimeDelta;

/// Keys that are deleted at the end of the test.
struct Keys(String);

impl Keys {
    fn new() -> Self {
        Self(keys::new_keys())
    }

    fn options(&self) -> RedisOptions {
        keys::options(&self.0)
    }

    fn open(&self) -> RedisJobStore {
        started(self.options())
    }

    fn named(&self, name: &str) -> String {
        format!("{}.{name}", self.0)
    }

    /// A user of the server, with the password `pass-word`.
    fn user(&self) -> RedisOptions {
        execute(&["ACL", "SETUSER", &self.0, "on", ">pass-word", "~*", "&*", "+@all"]);
        self.options().username(&self.0).password("pass-word")
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        keys::remove(&self.0);
        execute(&["ACL", "DELUSER", &self.0]);
    }
}

fn execute(words: &[&str]) {
    redis::cmd(words[0]).arg(&words[1..]).exec(&mut keys::connection()).unwrap();
}

fn started(options: RedisOptions) -> RedisJobStore {
    let store = RedisJobStore::with_options(options).unwrap();
    store.start("default").unwrap();
    store
}

fn start_error(options: RedisOptions) -> Error {
    let store = RedisJobStore::with_options(options).unwrap();
    store.start("default").unwrap_err()
}

fn second(seconds: i64) -> Timestamp {
    "2027-01-01T00:00:00Z".parse::<Timestamp>().unwrap() + TimeDelta::seconds(seconds)
}

fn add(store: &RedisJobStore, id: &str, time: Option<Timestamp>) {
    let state = JobPayload::Encoded(r#"{"version":1}"#.into());
    store.add_jobs(vec![NewRecord::new(id, time, state)]).unwrap();
}

fn claim(store: &RedisJobStore, now: Timestamp) -> apscheduler_core::Result<Claims> {
    let due = ClaimRequest::new(now, 100);
    store.claim_due(&due, &mut |record| {
        let run_times = RunTimes::One(record.next_run_time.unwrap());
        Decision::Claim(ClaimOutcome::new(run_times, NextRun::At(now + TimeDelta::seconds(60))))
    })
}

fn listed(store: &RedisJobStore) -> Vec<(String, Option<Timestamp>)> {
    let records = store.get_jobs(None, 100).unwrap();
    records.into_iter().map(|record| (record.id.to_string(), record.next_run_time)).collect()
}

#[test]
fn an_unreachable_server_is_named_without_the_password() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("redis://ann:pass-word@127.0.0.1:{port}/0");
    let store = RedisJobStore::new(url).unwrap();
    let error = store.start("default").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.is_retryable());
    assert!(error.to_string().contains(&format!("redis://127.0.0.1:{port}/0")), "{error}");
    let everything = format!("{error:?} {} {store:?}", error.chain());
    assert!(!everything.contains("pass-word"), "{everything}");
}

#[test]
fn a_wrong_password_is_refused_and_not_shown() {
    let keys = Keys::new();
    let options = keys.user();
    started(options.clone()).shutdown().unwrap();
    let error = start_error(options.password("wrong-word"));
    assert_eq!(error.kind(), ErrorKind::Store, "{}", error.chain());
    assert!(error.to_string().contains("refused this user or password"), "{error}");
    assert!(!format!("{error:?} {}", error.chain()).contains("wrong-word"), "{}", error.chain());
}

#[test]
fn an_unresponsive_server_does_not_hang_the_caller() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let options = RedisOptions::default()
        .host("127.0.0.1")
        .port(silent.local_addr().unwrap().port())
        .password("pass-word")
        .socket_connect_timeout(Duration::from_millis(300))
        .socket_timeout(Duration::from_millis(300));
    let begin = Instant::now();
    let error = start_error(options);
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
    assert!(begin.elapsed() < Duration::from_secs(5));
}

/// They would remove each other's entries, and the jobs would never run.
#[test]
fn the_run_times_of_other_jobs_are_not_touched() {
    let (shop, bank) = (Keys::new(), Keys::new());
    let store = shop.open();
    let both = || bank.options().run_times_key(shop.named("run_times"));
    let error = start_error(both());
    assert_eq!(error.kind(), ErrorKind::Store);
    let expected = format!("belong to the jobs in `{}`", shop.named("jobs"));
    assert!(error.to_string().contains(&expected), "{error}");
    assert!(error.to_string().contains("choose another `run_times_key`"), "{error}");
    add(&store, "a", Some(second(1)));
    start_error(both());
    store.remove_all_jobs().unwrap();
    start_error(both());
    // The refused store has left nothing in its keys.
    bank.open();
    shop.open();
}

#[test]
fn jobs_with_other_run_times_are_refused() {
    let keys = Keys::new();
    let store = keys.open();
    add(&store, "a", Some(second(1)));
    let error = start_error(keys.options().run_times_key(keys.named("other")));
    assert_eq!(error.kind(), ErrorKind::Store);
    let expected = format!("have their run times in `{}`", keys.named("run_times"));
    assert!(error.to_string().contains(&expected), "{error}");
    assert_eq!(claim(&keys.open(), second(1)).unwrap().won.len(), 1);
}

#[test]
fn jobs_of_an_earlier_version_keep_their_run_times() {
    let (shop, bank) = (Keys::new(), Keys::new());
    add(&shop.open(), "a", Some(second(1)));
    execute(&["DEL", &shop.named("run_times.meta")]);
    execute(&["HDEL", &shop.named("jobs.meta"), "run_times"]);
    assert_eq!(listed(&shop.open()).len(), 1);
    let error = start_error(bank.options().run_times_key(shop.named("run_times")));
    assert!(error.to_string().contains("belong to the jobs"), "{error}");
}

#[test]
fn calls_after_a_killed_connection_connect_again() {
    let keys = Keys::new();
    let store = started(keys.user());
    let kill = || execute(&["CLIENT", "KILL", "USER", &keys.0]);
    add(&store, "a", Some(second(1)));
    kill();
    assert!(store.lookup_job("a").unwrap().is_some());
    kill();
    assert_eq!(claim(&store, second(1)).unwrap().won.len(), 1);
    kill();
    // A write that was sent may have been executed: the outcome is unknown, and the caller gets an error.
    if let Err(error) = store.remove_job("a") {
        assert!(error.is_retryable(), "{}", error.chain());
    }
    add(&store, "b", Some(second(1)));
    kill();
    std::thread::sleep(Duration::from_millis(1100));
    assert!(store.remove_job("b").unwrap(), "an idle connection is checked before it is used");
}

#[test]
fn scripts_are_loaded_again_after_a_flush() {
    let keys = Keys::new();
    let store = keys.open();
    add(&store, "a", Some(second(1)));
    execute(&["SCRIPT", "FLUSH"]);
    assert_eq!(claim(&store, second(1)).unwrap().won.len(), 1);
    execute(&["SCRIPT", "FLUSH"]);
    add(&store, "b", None);
    assert_eq!(listed(&store).len(), 2);
}

#[test]
fn a_watch_ignores_own_changes_and_survives_its_connection() {
    let keys = Keys::new();
    let (store, other) = (started(keys.user()), started(keys.options()));
    let (sender, told) = mpsc::channel();
    let watch = store
        .watch(ChangeNotifier::new(move || {
            // The test may have ended already.
            let _ = sender.send(());
        }))
        .unwrap();
    add(&store, "own", None);
    assert!(
        told.recv_timeout(Duration::from_millis(500)).is_err(),
        "its own change is not reported"
    );
    add(&other, "a", None);
    told.recv_timeout(Duration::from_secs(5)).unwrap();
    execute(&["CLIENT", "KILL", "USER", &keys.0]);
    told.recv_timeout(Duration::from_secs(10)).expect("a change may have been missed");
    while told.try_recv().is_ok() {}
    add(&other, "b", None);
    told.recv_timeout(Duration::from_secs(5)).unwrap();
    drop(watch);
}

#[test]
fn a_user_without_publish_permission_can_schedule() {
    let keys = Keys::new();
    let options = keys.user();
    execute(&["ACL", "SETUSER", &keys.0, "resetchannels"]);
    let store = started(options);
    add(&store, "a", Some(second(1)));
    assert_eq!(claim(&store, second(1)).unwrap().won.len(), 1);
}

#[test]
fn records_without_a_head_are_due_and_are_not_lost() {
    let keys = Keys::new();
    let store = keys.open();
    add(&store, "a", Some(second(1)));
    for broken in ["", "oops", "7 soon {}", "\u{fffd}"] {
        execute(&["HSET", &keys.named("jobs"), "a", broken]);
        let mut seen: Vec<JobRecord> = Vec::new();
        let due = ClaimRequest::new(second(2), 10);
        let claims = store.claim_due(&due, &mut |record| {
            seen.push(record.clone());
            Decision::Leave
        });
        assert!(claims.unwrap().won.is_empty());
        assert_eq!(seen[0].payload.as_text(), Some(broken));
        assert_eq!(seen[0].next_run_time, Some(second(1)));
        assert_eq!(store.lookup_job("a").unwrap().unwrap().payload.as_text(), Some(broken));
    }
    let mended = JobPayload::Encoded("{}".into());
    let record = store.lookup_job("a").unwrap().unwrap();
    let record = record.with_next_run_time(Some(second(5))).with_payload(mended);
    assert!(store.update_job(&record).unwrap());
    assert_eq!(listed(&store), [("a".to_owned(), Some(second(5)))]);
    assert_eq!(store.next_run_time(None).unwrap(), Some(second(5)));
}

#[test]
fn a_manually_edited_run_time_is_used() {
    let keys = Keys::new();
    let store = keys.open();
    add(&store, "a", Some(second(1)));
    add(&store, "gone", Some(second(1)));
    execute(&["HSET", &keys.named("jobs"), "a", "1 2027-01-01T00:00:30.000000Z {}"]);
    execute(&["HDEL", &keys.named("jobs"), "gone"]);
    assert!(claim(&store, second(2)).unwrap().won.is_empty());
    assert_eq!(listed(&store), [("a".to_owned(), Some(second(30)))]);
    assert_eq!(claim(&store, second(30)).unwrap().won.len(), 1);
}
