//! Operations of the tests on a store.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use apscheduler_core::Result;
use apscheduler_core::ledger::{Batch, BatchId, RunLedger, RunRecord, RunState};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::store::{
    ChangeNotifier, ClaimOutcome, ClaimRequest, Claims, Decision, JobPayload, JobRecord, JobStore,
    NewRecord, NextRun, RunTimes, Watch,
};
use apscheduler_core::time::Timestamp;
use apscheduler_store_mongodb::{MongoDbJobStore, MongoDbOptions};
use mongodb::bson::{Document, doc};

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

/// Claims all due jobs as a batch of this owner.
pub(crate) fn claim_batch(
    store: &MongoDbJobStore,
    owner: OwnerId,
    now: Timestamp,
    next: NextRun,
) -> Result<(BatchId, Claims)> {
    claim_batch_with(store, owner, now, next, None)
}

/// The same, with this data of open runs.
pub(crate) fn claim_batch_with(
    store: &MongoDbJobStore,
    owner: OwnerId,
    now: Timestamp,
    next: NextRun,
    data: Option<&str>,
) -> Result<(BatchId, Claims)> {
    let batch = Batch::new(owner, now);
    let due = ClaimRequest::new(now, 1000).batch(batch);
    let claims = store.claim_due(&due, &mut |record| {
        let run_times = RunTimes::One(record.next_run_time.expect("it is due"));
        let outcome = ClaimOutcome::new(run_times, next).first_run(RunId::new(now));
        Decision::Claim(outcome.batch(batch.id).open(data.map(Arc::from)))
    });
    Ok((batch.id, claims?))
}

/// Returns the records of the open runs of an owner in this state.
pub(crate) fn open(store: &MongoDbJobStore, owner: OwnerId, state: RunState) -> Vec<RunRecord> {
    let journal = ledger(store).journal(owner, 1000).expect("it is read");
    journal.iter().flat_map(|journal| journal.records(state)).collect()
}

pub(crate) fn ledger(store: &MongoDbJobStore) -> Arc<dyn RunLedger> {
    store.ledger().expect("it has a ledger")
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

/// Reads the document of a job, bypassing the store.
pub(crate) fn document(collection: &str, id: &str) -> Option<Document> {
    let id = doc! {"_id": id};
    place::with_collection(collection, async |jobs| jobs.find_one(id).await)
}

/// Writes a document, bypassing the store.
pub(crate) fn insert(collection: &str, document: Document) {
    place::with_collection(collection, async |jobs| jobs.insert_one(document).await);
}

/// Waits until a condition holds.
pub(crate) fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < until, "did not happen in time: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
