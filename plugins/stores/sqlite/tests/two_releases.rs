//! A process of an earlier release goes on while one of this release migrates and uses its database.

#![allow(clippy::unwrap_used, reason = "tests")]

mod earlier_store;

use apscheduler_core::Shutdown;
use apscheduler_core::run::RunId;
use apscheduler_core::store::JobStore as _;
use apscheduler_store_sqlite::SqliteJobStore;
use apscheduler_testkit::stores::records;
use apscheduler_testkit::stores::two_releases::Check;
use apscheduler_testkit::{SteppedScheduler, eventually};
use earlier_store::{EarlierStore, Release};

/// Starts a store of the earlier release on a new database, then one of this release, and checks both.
fn check(release: Release, check: Check) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.sqlite");
    let earlier = EarlierStore::start(&path, release).unwrap();
    let present = SqliteJobStore::open(&path);
    present.start("default").unwrap();
    check(&earlier, &present);
    present.shutdown().unwrap();
}

apscheduler_testkit::two_releases_tests!(Release, check);

#[test]
fn an_earlier_release_does_not_start_on_a_newer_schema() {
    for release in [Release::WithoutLedger, Release::WithoutOpenRuns] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobs.sqlite");
        EarlierStore::start(&path, release).unwrap();
        EarlierStore::start(&path, release).expect("it can start again");
        let present = SqliteJobStore::open(&path);
        present.start("default").unwrap();
        let refusal = EarlierStore::start(&path, release).expect_err("the schema is newer");
        assert!(refusal.to_string().contains("has the schema version"), "{refusal}");
        present.shutdown().unwrap();
    }
}

#[test]
fn an_entry_of_a_later_release_does_not_keep_other_runs_from_being_settled() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.sqlite");
    let store = SqliteJobStore::open(&path);
    store.start("default").unwrap();
    store.shutdown().unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    // Two schedulers have died: one of a later release, and one of this.
    let [first, second] = [1, 2].map(|second| RunId::new(records::second(second)));
    let later = format!(r#"[["a", "{first}", [1000000], null, "more"]]"#);
    let known = format!(r#"[["b", "{second}", [2000000]]]"#);
    for (number, run, entries) in [(1_u128, first, later), (2, second, known)] {
        let owner = number.to_be_bytes();
        let insert = "INSERT INTO apscheduler_jobs_owners VALUES (?1, 'shop', 'host1', 1, 'dead', 0, 1000000)";
        connection.execute(insert, [owner]).unwrap();
        let insert = "INSERT INTO apscheduler_jobs_claims VALUES (?1, ?2, 0, ?3)";
        connection.execute(insert, (run.as_u128().to_be_bytes(), owner, entries)).unwrap();
    }

    let scheduler = SteppedScheduler::new(apscheduler_testkit::registry(), "2027-01-01T00:00:00Z");
    scheduler.add_jobstore("default", SqliteJobStore::open(&path)).unwrap();
    scheduler.start().unwrap();
    let lost = || -> Vec<String> {
        let mut select = connection
            .prepare("SELECT job_id FROM apscheduler_jobs_runs WHERE state = 'lost'")
            .unwrap();
        let rows = select.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    eventually("the run of this release is settled", || lost() == ["b"]);
    let count = "SELECT count(*) FROM apscheduler_jobs_claims";
    let left: i64 = connection.query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(left, 1, "the entry of the later release is left to it");
    scheduler.shutdown(Shutdown::Wait).unwrap();
}
