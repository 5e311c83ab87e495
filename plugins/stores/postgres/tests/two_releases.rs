//! A process of an earlier release goes on while one of this release migrates and uses its tables.

#![allow(clippy::unwrap_used, reason = "tests")]

mod database;
mod earlier_store;

use apscheduler_core::store::JobStore as _;
use apscheduler_store_postgres::{PostgresJobStore, PostgresOptions};
use apscheduler_testkit::stores::new_name;
use apscheduler_testkit::stores::two_releases::{self, Check};
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

#[test]
fn each_run_time_is_claimed_once() {
    for release in [Release::WithoutLedger, Release::WithoutOpenRuns] {
        check(release, two_releases::each_run_time_is_claimed_once);
    }
}

#[test]
fn changes_are_seen() {
    for release in [Release::WithoutLedger, Release::WithoutOpenRuns] {
        check(release, two_releases::changes_are_seen);
    }
}

#[test]
fn jobs_of_a_later_form_are_left_alone() {
    for release in [Release::WithoutLedger, Release::WithoutOpenRuns] {
        check(release, two_releases::jobs_of_a_later_form_are_left_alone);
    }
}

#[test]
fn runs_of_the_earlier_release_are_settled() {
    check(Release::WithoutOpenRuns, two_releases::runs_of_the_earlier_release_are_settled);
}

#[test]
fn runs_of_the_present_release_are_settled() {
    check(Release::WithoutOpenRuns, two_releases::runs_of_the_present_release_are_settled);
}

#[test]
fn entries_with_skipped_run_times_are_refused() {
    check(Release::WithoutOpenRuns, two_releases::entries_with_skipped_run_times_are_refused);
}

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
