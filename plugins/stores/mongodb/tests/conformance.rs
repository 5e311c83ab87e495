//! The conformance suite of job stores, on the server of `APSCHEDULER_TEST_MONGODB`.

mod place;

use std::process::ExitCode;
use std::sync::Arc;

use apscheduler_core::store::JobStore;
use apscheduler_store_mongodb::MongoDbJobStore;
use apscheduler_testkit::stores::{self, Corrupt, Meeting, StoreHarness};
use mongodb::bson::doc;

/// Every place is a collection of its own.
struct MongoDb;

impl StoreHarness for MongoDb {
    fn name(&self) -> &'static str {
        "mongodb"
    }

    fn create(&self) -> String {
        place::new_collection()
    }

    fn open(&self, address: &str) -> Arc<dyn JobStore> {
        self.open_at(address, &place::url())
    }

    fn url(&self) -> Option<String> {
        Some(place::url())
    }

    fn open_at(&self, address: &str, url: &str) -> Arc<dyn JobStore> {
        let store = MongoDbJobStore::with_options(place::options(address).url(url));
        Arc::new(store.expect("the options are right"))
    }

    fn meeting(&self) -> Meeting {
        Meeting::Races
    }

    fn remove(&self, address: &str) {
        place::remove(address);
    }

    fn corrupt(&self) -> Option<Corrupt<'_>> {
        Some(&|address, id| {
            let broken = doc! {"$set": {"job_state": "{oops"}};
            let update = async |jobs: mongodb::Collection<_>| {
                jobs.update_one(doc! {"_id": id}, broken.clone()).await
            };
            assert_eq!(place::with_collection(address, update).matched_count, 1);
        })
    }

    fn divisor(&self) -> usize {
        // What stands in for MongoDB takes some 460 inserts a second, and slows down where many threads contend.
        100
    }
}

fn main() -> ExitCode {
    stores::run(vec![Arc::new(MongoDb)])
}
