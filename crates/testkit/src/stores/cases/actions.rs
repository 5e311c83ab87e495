//! Operations of the cases on a store.

use std::time::{Duration, Instant};

use apscheduler_core::Result;
use apscheduler_core::store::{
    Claim, ClaimOutcome, ClaimRequest, Claims, Decision, JobRecord, JobStore, NextRun,
};
use apscheduler_core::time::Timestamp;

use crate::stores::records::Records;

/// How long a case waits for an expected condition.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// Adds jobs with the state 0.
pub(in crate::stores) fn add(store: &dyn JobStore, jobs: &[(&str, Option<Timestamp>)]) {
    let records = Records::of(store);
    let new = jobs.iter().map(|(id, time)| records.new_record(*id, *time)).collect();
    store.add_jobs(new).expect("the jobs are added");
}

/// Adds `count` jobs in one call, named `job-00000` and so on.
pub(in crate::stores) fn add_many(
    store: &dyn JobStore,
    count: usize,
    time: impl Fn(usize) -> Timestamp,
) {
    let records = Records::of(store);
    let new = (0..count).map(|number| records.new_record(many_id(number), Some(time(number))));
    store.add_jobs(new.collect()).expect("the jobs are added");
}

/// Returns the id of one of many jobs.
pub(super) fn many_id(number: usize) -> String {
    format!("job-{number:05}")
}

/// Returns the record, which must exist.
pub(in crate::stores) fn find(store: &dyn JobStore, id: &str) -> JobRecord {
    let found = store.lookup_job(id).expect("the job is looked up");
    found.unwrap_or_else(|| panic!("the job {id:?} does not exist"))
}

/// Returns all records, in order.
pub(in crate::stores) fn list(store: &dyn JobStore) -> Vec<JobRecord> {
    list_by(store, 1000)
}

/// Returns all records, read in pages of this size.
pub(super) fn list_by(store: &dyn JobStore, limit: usize) -> Vec<JobRecord> {
    let mut records: Vec<JobRecord> = Vec::new();
    loop {
        let after = records.last().map(JobRecord::cursor);
        let page = store.get_jobs(after.as_ref(), limit).expect("a page is listed");
        assert!(page.len() <= limit, "a page of {}, but the limit is {limit}", page.len());
        let is_last = page.len() < limit;
        records.extend(page);
        if is_last {
            return records;
        }
    }
}

/// Returns the ids of records.
pub(super) fn ids(records: &[JobRecord]) -> Vec<&str> {
    records.iter().map(|record| &*record.id).collect()
}

/// Returns the ids of claims.
pub(super) fn claimed(claims: &[Claim]) -> Vec<&str> {
    claims.iter().map(|claim| &*claim.record.id).collect()
}

/// Returns the next run time of a due record.
pub(super) fn due_time(record: &JobRecord) -> Timestamp {
    record.next_run_time.expect("only jobs with a next run time are due")
}

/// Claims the due run time.
pub(super) fn take(record: &JobRecord, next: NextRun) -> Decision {
    Decision::Claim(ClaimOutcome::new(due_time(record), next))
}

/// Claims one batch, from the beginning.
pub(super) fn claim(
    store: &dyn JobStore,
    now: Timestamp,
    limit: usize,
    mut decide: impl FnMut(&JobRecord) -> Decision,
) -> Claims {
    let due = ClaimRequest::new(now, limit);
    store.claim_due(&due, &mut decide).expect("due jobs are claimed")
}

/// Claims all batches, like the engine.
pub(super) fn claim_all(
    store: &dyn JobStore,
    now: Timestamp,
    limit: usize,
    decide: impl FnMut(&JobRecord) -> Decision,
) -> Vec<Claim> {
    try_claim_all(store, now, limit, decide).expect("due jobs are claimed")
}

/// Claims all batches of a store that may fail. On an error, earlier claims are lost.
pub(super) fn try_claim_all(
    store: &dyn JobStore,
    now: Timestamp,
    limit: usize,
    mut decide: impl FnMut(&JobRecord) -> Decision,
) -> Result<Vec<Claim>> {
    let mut claims = Vec::new();
    let mut due = ClaimRequest::new(now, limit);
    let patience = Patience::new("the pass ends");
    loop {
        let batch = store.claim_due(&due, &mut decide)?;
        assert!(batch.won.len() <= limit, "a batch has more claims than the limit {limit}");
        claims.extend(batch.won);
        match batch.resume {
            Some(resume) => due.after = Some(resume),
            None => return Ok(claims),
        }
        patience.check();
    }
}

/// Aborts a case that would hang.
pub(super) struct Patience {
    event: &'static str,
    until: Instant,
}

impl Patience {
    pub(super) fn new(event: &'static str) -> Self {
        Self { event, until: Instant::now() + PATIENCE }
    }

    pub(super) fn check(&self) {
        assert!(Instant::now() < self.until, "did not happen in time: {}", self.event);
    }
}
