//! The conformance suite of job stores, for the store of `docs/PLUGINS.md`.

use std::process::ExitCode;
use std::sync::Arc;

use apscheduler_core::store::JobStore;
use apscheduler_testkit::stores::{self, StoreHarness};

#[allow(
    clippy::pedantic,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "the page is not a crate"
)]
mod page {
    include!(concat!(env!("OUT_DIR"), "/store.rs"));
}

struct Page;

impl StoreHarness for Page {
    fn name(&self) -> &'static str {
        "page"
    }

    fn create(&self) -> String {
        String::new()
    }

    fn open(&self, _address: &str) -> Arc<dyn JobStore> {
        Arc::new(page::AcmeJobStore::default())
    }
}

fn main() -> ExitCode {
    stores::run(vec![Arc::new(Page)])
}
