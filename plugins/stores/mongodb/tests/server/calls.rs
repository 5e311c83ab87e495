//! Operations of the tests on a store.

use std::sync::mpsc::{Receiver, channel};

use apscheduler_core::Result;
use apscheduler_core::store::{
    ChangeNotifier, ClaimOutcome, ClaimRequest, Claims, Decision, JobPayload, JobRecord, JobStore,
    NewRecord, NextRun, RunTimes, Watch,
};
use apscheduler_core::time::Timestamp;
use apscheduler_store_mongodb::{MongoDbJobStore, MongoDbOptions};
use mongodb::bson::Document;

use crate::place;

/// A collection for one test, which is dropped with this value.
pub(crate) struct Place(pub(crate) String);

impl Place {
    pub(crate) fn new() -> Self {
        // Called before there is anything to remove, because it panics without a server.
        place::url();
        Self(place::new_collection())
    }

    pub(crate) fn options(&self) -> MongoDbOptions {
        place::options(&self.0)
    }

    pub(crate) fn open(&self) -> MongoDbJobStore {
        started(self.options())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        place::remove(&self.0);
    }
}

pub(crate) fn started(options: MongoDbOptions) -> MongoDbJobStore {
    let store = MongoDbJobStore::with_options(options).expect("the options are valid");
    store.start("default").expect("the store starts");
    store
}

/// Returns a job with a state that is not read.
pub(crate) fn new(id: &str, time: Option<Timestamp>, replace: bool) -> NewRecord {
    let state = JobPayload::Encoded(r#"{"version":1}"#.into());
    NewRecord::new(id, time, state).with_replace(replace)
}

pub(crate) fn add(store: &MongoDbJobStore, id: &str, time: Option<Timestamp>) {
    store.add_jobs(vec![new(id, time, false)]).expect("it is added");
}

/// Claims the due run time.
pub(crate) fn take(record: &JobRecord, next: NextRun) -> Decision {
    let run_times = RunTimes::One(record.next_run_time.expect("it is due"));
    Decision::Claim(ClaimOutcome::new(run_times, next))
}

/// Claims all due jobs.
pub(crate) fn claim(store: &MongoDbJobStore, now: Timestamp, next: NextRun) -> Result<Claims> {
    let due = ClaimRequest::new(now, 1000);
    store.claim_due(&due, &mut |record| take(record, next))
}

/// Returns the claimed ids.
pub(crate) fn claimed(claims: &Claims) -> Vec<&str> {
    claims.won.iter().map(|claim| &*claim.record.id).collect()
}

pub(crate) fn listed(store: &MongoDbJobStore) -> Vec<(String, Option<Timestamp>)> {
    let records = store.get_jobs(None, 1000).expect("they are listed");
    records.into_iter().map(|record| (record.id.to_string(), record.next_run_time)).collect()
}

/// Watches a store, and returns a channel that receives its notices.
pub(crate) fn watch(store: &MongoDbJobStore) -> (Watch, Receiver<()>) {
    let (sender, told) = channel();
    let notifier = ChangeNotifier::new(move || {
        // The test may have ended already.
        let _ = sender.send(());
    });
    (store.watch(notifier).expect("it is watched").expect("it can be watched"), told)
}

/// Writes a document, bypassing the store.
pub(crate) fn insert(collection: &str, document: Document) {
    place::with_collection(collection, async |jobs| jobs.insert_one(document).await);
}
