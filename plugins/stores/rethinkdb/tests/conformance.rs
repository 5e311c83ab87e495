//! The conformance suite of job stores, on the server of `APSCHEDULER_TEST_RETHINKDB`.

mod place;

use std::process::ExitCode;
use std::sync::Arc;

use apscheduler_core::store::JobStore;
use apscheduler_store_rethinkdb::{RethinkDbJobStore, RethinkDbOptions};
use apscheduler_testkit::stores::{
    self, Corrupt, Empty, Occupy, OverlappingClaims, ReadOnlyUser, SetRunTime, SetVersion,
    StoreHarness,
};
use serde_json::json;

/// Each place is a separate table.
struct RethinkDb;

fn store(options: RethinkDbOptions) -> Arc<dyn JobStore> {
    Arc::new(RethinkDbJobStore::with_options(options).expect("the options are valid"))
}

impl StoreHarness for RethinkDb {
    fn name(&self) -> &'static str {
        "rethinkdb"
    }

    fn create(&self) -> String {
        place::new_table()
    }

    fn open(&self, address: &str) -> Arc<dyn JobStore> {
        store(place::options(address))
    }

    fn url(&self) -> Option<String> {
        Some(place::url())
    }

    fn open_at(&self, address: &str, url: &str) -> Arc<dyn JobStore> {
        store(place::options(address).url(url))
    }

    fn meeting(&self) -> OverlappingClaims {
        OverlappingClaims::Optimistic
    }

    fn remove(&self, address: &str) {
        place::remove(address);
    }

    fn corrupt(&self) -> Option<Corrupt<'_>> {
        Some(&|address, id| drop(place::set(address, id, json!({"job_state": "{oops"}))))
    }

    fn empty(&self) -> Option<Empty<'_>> {
        Some(&place::remove)
    }

    fn set_run_time(&self) -> Option<SetRunTime<'_>> {
        Some(&|address, id, number| {
            let pair = [number.div_euclid(1_000_000), number.rem_euclid(1_000_000)];
            place::set(address, id, json!({"next_run_time": pair}));
        })
    }

    fn set_version(&self) -> Option<SetVersion<'_>> {
        Some(&|address, version| {
            let before = place::set(address, 0_i64, json!({"version": version}));
            before["version"].as_i64().expect("it has a version")
        })
    }

    fn insert_foreign_data(&self) -> Option<Occupy<'_>> {
        Some(&place::insert_foreign_data)
    }

    fn read_only_user(&self) -> Option<ReadOnlyUser<'_>> {
        Some(&|address| store(place::reader(address)))
    }

    fn divisor(&self) -> usize {
        // The peer that stands for RethinkDB is not optimized.
        5
    }

    fn announces_open_runs(&self) -> bool {
        true
    }
}

fn main() -> ExitCode {
    stores::run(vec![Arc::new(RethinkDb)])
}
