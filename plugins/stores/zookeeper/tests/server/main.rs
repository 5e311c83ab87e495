//! Behavior specific to ZooKeeper: large numbers of jobs, jobs that are added in several requests, logins, manual edits, and
//! the ledger.
#![allow(clippy::unwrap_used, reason = "tests")]

mod adding;
mod editing;
mod large;
#[path = "../place/mod.rs"]
mod place;
mod recording;
mod starting;

use apscheduler_core::store::{
    ClaimOutcome, ClaimRequest, Claims, Decision, JobPayload, JobStore, NewRecord, NextRun,
};
use apscheduler_core::time::Timestamp;
use apscheduler_store_zookeeper::{ZooKeeperJobStore, ZooKeeperOptions};
use chrono::TimeDelta;

/// Nodes that are removed at the end of the test.
struct Place(String);

impl Place {
    fn new() -> Self {
        Self(place::new_path())
    }

    fn options(&self) -> ZooKeeperOptions {
        place::options(&self.0)
    }

    fn open(&self) -> ZooKeeperJobStore {
        started(self.options())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        place::remove(&self.0);
    }
}

fn started(options: ZooKeeperOptions) -> ZooKeeperJobStore {
    let store = ZooKeeperJobStore::with_options(options).unwrap();
    store.start("default").unwrap();
    store
}

fn second(seconds: i64) -> Timestamp {
    "2027-01-01T00:00:00Z".parse::<Timestamp>().unwrap() + TimeDelta::seconds(seconds)
}

fn record(id: &str, time: Option<Timestamp>) -> NewRecord {
    NewRecord::new(id, time, JobPayload::Encoded(r#"{"version":1}"#.into()))
}

fn many(count: usize, time: impl Fn(usize) -> Option<Timestamp>) -> Vec<NewRecord> {
    (0..count).map(|number| record(&format!("job-{number:05}"), time(number))).collect()
}

fn ids(store: &dyn JobStore) -> Vec<String> {
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let page = store.get_jobs(after.as_ref(), 1000).unwrap();
        let Some(last) = page.last() else { return ids };
        after = Some(last.cursor());
        ids.extend(page.iter().map(|record| record.id.to_string()));
    }
}

fn claim(store: &dyn JobStore, due: &ClaimRequest, next: NextRun) -> Claims {
    let claims = store.claim_due(due, &mut |record| {
        Decision::Claim(ClaimOutcome::new(record.next_run_time.unwrap(), next))
    });
    claims.unwrap()
}

/// Claims all batches of 1000.
fn claim_all(store: &dyn JobStore, now: Timestamp, next: NextRun) -> usize {
    let (mut due, mut count) = (ClaimRequest::new(now, 1000), 0);
    loop {
        let claims = claim(store, &due, next);
        count += claims.won.len();
        match claims.resume {
            Some(resume) => due.after = Some(resume),
            None => return count,
        }
    }
}
