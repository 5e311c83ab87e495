//! The conformance suite of job stores, on the server of `APSCHEDULER_TEST_ETCD`.

mod place;

use std::process::ExitCode;
use std::sync::Arc;

use apscheduler_core::store::JobStore;
use apscheduler_store_etcd::EtcdJobStore;
use apscheduler_testkit::stores::{
    self, Corrupt, Empty, Occupy, OverlappingClaims, SetVersion, StoreHarness,
};

/// Each place has its own path.
struct Etcd;

impl StoreHarness for Etcd {
    fn name(&self) -> &'static str {
        "etcd"
    }

    fn create(&self) -> String {
        place::new_path()
    }

    fn open(&self, address: &str) -> Arc<dyn JobStore> {
        self.open_at(address, &place::url())
    }

    fn url(&self) -> Option<String> {
        Some(place::url())
    }

    fn open_at(&self, address: &str, url: &str) -> Arc<dyn JobStore> {
        let store = EtcdJobStore::with_options(place::options(address).endpoints([url]));
        Arc::new(store.expect("the options are valid"))
    }

    fn meeting(&self) -> OverlappingClaims {
        OverlappingClaims::Optimistic
    }

    fn remove(&self, address: &str) {
        place::remove(address);
    }

    fn corrupt(&self) -> Option<Corrupt<'_>> {
        Some(&|address, id| {
            place::put(format!("{address}/job/{id}"), "{oops").expect("the state");
        })
    }

    fn empty(&self) -> Option<Empty<'_>> {
        Some(&place::remove)
    }

    fn set_version(&self) -> Option<SetVersion<'_>> {
        Some(&|address, version| {
            let before = place::put(format!("{address}/format"), &version.to_string());
            before.and_then(|before| before.parse().ok()).expect("a format")
        })
    }

    fn insert_foreign_data(&self) -> Option<Occupy<'_>> {
        Some(&|address| drop(place::put(format!("{address}/job"), "a pickle")))
    }
}

fn main() -> ExitCode {
    stores::run(vec![Arc::new(Etcd)])
}
