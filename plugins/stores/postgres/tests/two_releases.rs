//! A process of an earlier release goes on while one of this release migrates and uses its tables.

#![allow(clippy::unwrap_used, reason = "tests")]

mod database;
mod earlier_store;

use apscheduler_core::store::JobStore as _;
use apscheduler_store_postgres::{PostgresJobStore, PostgresOptions};
use apscheduler_testkit::stores::new_name;
use apscheduler_testkit::stores::two_releases::Check;
use earlier_store::{EarlierStore, Release};

/// Starts a store of the earlier release on new tables, then one of this release, and checks both.
fn check(release: Release, check: Check) {
    let name = new_name();
    let earlier = EarlierStore::start(&name, release).unwrap();
    let present = present(&name);
    check(&earlier, &present);
    present.shutdown().unwrap();
    database::drop_tables(&name);
}

/// Starts a store of this release, which migrates the tables.
fn present(name: &str) -> PostgresJobStore {
    let options = PostgresOptions::new(database::url()).tablename(name);
    let store = PostgresJobStore::with_options(options).unwrap();
    store.start("default").unwrap();
    store
}

apscheduler_testkit::two_releases_tests!(Release, check);

#[test]
fn an_earlier_release_does_not_start_on_a_newer_schema() {
    for release in [Release::WithoutLedger, Release::WithoutOpenRuns] {
        let name = new_name();
        EarlierStore::start(&name, release).unwrap();
        EarlierStore::start(&name, release).expect("it can start again");
        let present = present(&name);
        let refusal = EarlierStore::start(&name, release).expect_err("the schema is newer");
        assert!(refusal.to_string().contains("has the schema version"), "{refusal}");
        present.shutdown().unwrap();
        database::drop_tables(&name);
    }
}
