//! The conformance suite of job stores, on the server of `APSCHEDULER_TEST_MONGODB`.

mod place;

use std::process::ExitCode;
use std::sync::Arc;

use apscheduler_core::store::JobStore;
use apscheduler_store_mongodb::MongoDbJobStore;
use apscheduler_testkit::stores::{
    self, Corrupt, Empty, Occupy, OverlappingClaims, SetRunTime, SetVersion, StoreHarness,
};
use mongodb::bson::doc;

/// Each place is a separate collection.
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
            let broken = doc! {"$set": {"job_state": "{oops"}};
            let update = async |jobs: mongodb::Collection<_>| {
                jobs.update_one(doc! {"_id": id}, broken.clone()).await
            };
            assert_eq!(place::with_collection(address, update).matched_count, 1);
        })
    }

    fn empty(&self) -> Option<Empty<'_>> {
        Some(&place::remove)
    }

    fn set_run_time(&self) -> Option<SetRunTime<'_>> {
        Some(&|address, id, number| {
            let change = doc! {"$set": {"next_run_time": number}};
            let update = async |jobs: mongodb::Collection<_>| {
                jobs.update_one(doc! {"_id": id}, change.clone()).await
            };
            assert_eq!(place::with_collection(address, update).matched_count, 1);
        })
    }

    fn set_version(&self) -> Option<SetVersion<'_>> {
        Some(&|address, version| {
            let change = async |meta: mongodb::Collection<mongodb::bson::Document>| {
                let change = doc! {"$set": {"version": version}};
                meta.find_one_and_update(doc! {"_id": address}, change).await
            };
            let before = place::with_collection(place::META, change).expect("it has a version");
            before.get_i64("version").expect("a number")
        })
    }

    fn insert_foreign_data(&self) -> Option<Occupy<'_>> {
        Some(&|address| {
            let theirs = doc! {"_id": "job", "next_run_time": 1_700_000_000.5};
            place::with_collection(address, async |jobs| jobs.insert_one(theirs).await);
        })
    }

    fn announces_open_runs(&self) -> bool {
        true
    }

    fn divisor(&self) -> usize {
        // The substitute for MongoDB handles about 460 inserts per second, and is slower if many threads contend.
        100
    }
}

fn main() -> ExitCode {
    stores::run(vec![Arc::new(MongoDb)])
}
