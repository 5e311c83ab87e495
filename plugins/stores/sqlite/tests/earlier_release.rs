//! A database from an earlier release opens, keeps its stored texts byte for byte, and runs.
//!
//! `data/jobs-4cb45cc.db` was written by the release of commit 4cb45cc, and `data/jobs-4cb45cc.json` lists what its store
//! returned. All stores keep the same texts. `data/ledger-782c1ff.db` was written by the release of commit 782c1ff.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use apscheduler_core::function::{Callable, Function};
use apscheduler_core::job::stored::{decode, encode};
use apscheduler_core::registry::Registry;
use apscheduler_core::store::{JobPayload, JobRecord, JobStore, NewRecord};
use apscheduler_core::time::{SystemClock, Timestamp, Zone};
use apscheduler_core::trigger::TriggerContext;
use apscheduler_store_sqlite::SqliteJobStore;
use apscheduler_testkit::stores::check_ledger_of_earlier_release;
use apscheduler_testkit::{SteppedScheduler, eventually};
use serde::Deserialize;
use tempfile::TempDir;

#[derive(Debug, Deserialize, PartialEq)]
struct Stored {
    id: String,
    next_run_time: Option<String>,
    state: String,
}

static STORED: LazyLock<Vec<Stored>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("data/jobs-4cb45cc.json")).expect("the list is JSON")
});

fn database() -> (TempDir, PathBuf) {
    copy(include_bytes!("data/jobs-4cb45cc.db"))
}

/// Returns a copy of a database, in its own folder.
fn copy(database: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.sqlite");
    std::fs::write(&path, database).unwrap();
    (folder, path)
}

/// Returns a registry with the functions of the jobs, which count their calls.
fn registry(calls: &Arc<AtomicUsize>) -> Registry {
    let registry = apscheduler_testkit::registry();
    for plugin in apscheduler_triggers::PLUGINS {
        registry.register(plugin.clone()).unwrap();
    }
    for name in ["shop::invoice", "shop::report", "shop::clean"] {
        let calls = Arc::clone(calls);
        let callable = Callable::Sync(Arc::new(move |_, _| {
            calls.fetch_add(1, Ordering::Relaxed);
            Ok(serde_json::Value::Null)
        }));
        registry.add_function(Function::new(name, |_| Ok(()), callable)).unwrap();
    }
    registry
}

fn stored(record: &JobRecord) -> Stored {
    let state = record.text().unwrap().to_owned();
    let next_run_time = record.next_run_time.map(|time| time.to_rfc3339());
    Stored { id: record.id.to_string(), next_run_time, state }
}

#[test]
fn the_database_lists_what_was_stored() {
    let (_folder, path) = database();
    let store = SqliteJobStore::open(path);
    store.start("default").unwrap();
    let records = store.get_jobs(None, 100).unwrap();
    assert_eq!(records.iter().map(stored).collect::<Vec<_>>(), *STORED);
    store.shutdown().unwrap();
}

#[test]
fn every_job_is_encoded_as_it_was_stored() {
    let registry = registry(&Arc::default());
    let context = TriggerContext::new(&registry, Zone::UTC, &SystemClock);
    for Stored { id, state, .. } in &*STORED {
        let job = decode(&id.as_str().into(), state, &context).unwrap();
        assert_eq!(*encode(&job).unwrap(), **state, "{id}");
    }
}

#[test]
fn stored_texts_are_written_unchanged() {
    let store = SqliteJobStore::in_memory();
    store.start("default").unwrap();
    let records = STORED.iter().map(|Stored { id, next_run_time, state }| {
        let time = next_run_time.as_ref().map(|time| time.parse::<Timestamp>().unwrap());
        NewRecord::new(id.as_str(), time, JobPayload::Encoded(state.as_str().into()))
    });
    store.add_jobs(records.collect()).unwrap();
    let records = store.get_jobs(None, 100).unwrap();
    assert_eq!(records.iter().map(stored).collect::<Vec<_>>(), *STORED);
}

#[test]
fn a_due_job_of_the_database_runs() {
    let (_folder, path) = database();
    let calls = Arc::default();
    let scheduler = SteppedScheduler::new(registry(&calls), "2020-03-01T00:00:00Z");
    scheduler.add_jobstore("default", SqliteJobStore::open(path)).unwrap();
    scheduler.start().unwrap();
    assert_eq!(scheduler.get_jobs().unwrap().len(), STORED.len());
    scheduler.step();
    // The store is processed on its own thread.
    eventually("the due job has run", || calls.load(Ordering::Relaxed) == 1);
    assert_eq!(scheduler.get_jobs().unwrap().len(), STORED.len() - 1, "the date has passed");
}

#[test]
fn a_ledger_without_open_runs_is_migrated() {
    let (_folder, path) = copy(include_bytes!("data/ledger-782c1ff.db"));
    let store = SqliteJobStore::open(path);
    store.start("default").unwrap();
    check_ledger_of_earlier_release(&store);
    store.shutdown().unwrap();
}
