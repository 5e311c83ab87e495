//! Calls of the tests on stores.

use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::ledger::{Batch, RunLedger, RunRecord, RunState};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::store::{
    ClaimOutcome, ClaimRequest, Claims, Decision, JobPayload, JobRecord, JobStore, NewRecord,
    NextRun,
};
use apscheduler_core::time::Timestamp;
use apscheduler_store_rethinkdb::{RethinkDbJobStore, RethinkDbOptions};

use crate::place;

/// A table for one test. It is dropped at the end.
pub(crate) struct Place(pub(crate) String);

impl Place {
    pub(crate) fn new() -> Self {
        Self(place::new_table())
    }

    pub(crate) fn options(&self) -> RethinkDbOptions {
        place::options(&self.0)
    }

    pub(crate) fn open(&self) -> RethinkDbJobStore {
        started(self.options())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        place::remove(&self.0);
    }
}

pub(crate) fn started(options: RethinkDbOptions) -> RethinkDbJobStore {
    let store = RethinkDbJobStore::with_options(options).unwrap();
    store.start("default").unwrap();
    store
}

pub(crate) fn new(id: &str, time: Option<Timestamp>) -> NewRecord {
    NewRecord::new(id, time, JobPayload::Encoded(r#"{"version":1}"#.into()))
}

pub(crate) fn add(store: &dyn JobStore, id: &str, time: Option<Timestamp>) {
    store.add_jobs(vec![new(id, time)]).unwrap();
}

pub(crate) fn take(record: &JobRecord, next: NextRun) -> Decision {
    Decision::Claim(ClaimOutcome::new(record.next_run_time.unwrap(), next))
}

pub(crate) fn claim(store: &dyn JobStore, now: Timestamp, next: NextRun) -> Result<Claims> {
    store.claim_due(&ClaimRequest::new(now, 1000), &mut |record| take(record, next))
}

pub(crate) fn claimed(claims: &Claims) -> Vec<&str> {
    claims.won.iter().map(|claim| &*claim.record.id).collect()
}

/// Claims all due jobs for a new batch, with rows of open runs if there is data for them.
pub(crate) fn claim_batch(
    store: &dyn JobStore,
    owner: OwnerId,
    now: Timestamp,
    next: NextRun,
    data: Option<&str>,
) -> Result<(Batch, Claims)> {
    let batch = Batch::new(owner, now);
    let due = ClaimRequest::new(now, 1000).batch(batch);
    let claims = store.claim_due(&due, &mut |record| match take(record, next) {
        Decision::Claim(outcome) => {
            let outcome = outcome.first_run(RunId::new(now)).batch(batch.id);
            Decision::Claim(outcome.open(data.map(Arc::from)))
        }
        Decision::Leave => Decision::Leave,
    })?;
    Ok((batch, claims))
}

pub(crate) fn ledger(store: &dyn JobStore) -> Arc<dyn RunLedger> {
    store.ledger().unwrap()
}

/// Returns a record in this state of each run in the journal.
pub(crate) fn open(store: &dyn JobStore, owner: OwnerId, state: RunState) -> Vec<RunRecord> {
    let journal = ledger(store).journal(owner, 1000).unwrap();
    journal.iter().flat_map(|journal| journal.records(state)).collect()
}
