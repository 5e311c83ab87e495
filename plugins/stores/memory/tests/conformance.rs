//! The conformance suite of job stores, for the memory store.

use std::process::ExitCode;
use std::sync::Arc;

use apscheduler_core::store::JobStore;
use apscheduler_store_memory::MemoryJobStore;
use apscheduler_testkit::stores::{self, StoreHarness};

struct Memory;

impl StoreHarness for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn create(&self) -> String {
        String::new()
    }

    fn open(&self, _address: &str) -> Arc<dyn JobStore> {
        Arc::new(MemoryJobStore::new())
    }
}

fn main() -> ExitCode {
    stores::run(vec![Arc::new(Memory)])
}
