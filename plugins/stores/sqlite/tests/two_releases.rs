//! A process of an earlier release goes on while one of this release migrates and uses its database.

#![allow(clippy::unwrap_used, reason = "tests")]

mod earlier_store;

use apscheduler_core::store::JobStore as _;
use apscheduler_store_sqlite::SqliteJobStore;
use apscheduler_testkit::stores::two_releases::{self, Check};
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
