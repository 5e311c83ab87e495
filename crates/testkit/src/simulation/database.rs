//! The backend that the stores of all processes share: what is committed, and how.
//!
//! Each method is one transaction, which nothing interrupts.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::ledger::{
    Appended, BatchId, Journal, JournalEntry, OpenQuery, OpenRun, OwnerRecord, OwnerState,
    RunQuery, RunRecord, RunState, Writes,
};
use apscheduler_core::run::{Owner, OwnerId, RunId};
use apscheduler_core::store::{Claim, ClaimRequest, Cursor, JobPayload, JobRecord, NewRecord};
use apscheduler_core::time::Timestamp;
use apscheduler_core::{Error, Result};
use apscheduler_plugin_kit::store::{DecidedBatch, find_runs};

use super::mutation::Mutation;
use super::open_rows::{OpenRows, Step};
use super::time::{Seconds, since_start};

/// Jobs, runs and owners.
#[derive(Debug, Default)]
pub(super) struct Database {
    mutation: Option<Mutation>,
    jobs: BTreeMap<Arc<str>, Job>,
    revision: u64,
    /// The ids of all jobs that were ever added.
    known: HashSet<Arc<str>>,
    tokens: u64,
    /// Which jobs were claimed with each token.
    claims: HashMap<u64, Vec<Arc<str>>>,
    journals: Vec<Journal>,
    records: Vec<RunRecord>,
    places: BTreeMap<(RunId, u32), usize>,
    open: OpenRows,
    owners: Vec<OwnerRecord>,
}

/// What was written.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) appended: Appended,
    /// The records that are new.
    pub(super) records: Vec<RunRecord>,
    /// The steps that were carried out.
    pub(super) steps: Vec<Step>,
}

#[derive(Debug)]
struct Job {
    next_run_time: Option<Timestamp>,
    revision: u64,
    payload: JobPayload,
}

impl Database {
    pub(super) fn new(mutation: Option<Mutation>) -> Self {
        Self { mutation, open: OpenRows::new(mutation), ..Self::default() }
    }

    pub(super) fn mutation(&self) -> Option<Mutation> {
        self.mutation
    }

    /// Returns whether a job was ever added.
    pub(super) fn has_known(&self, id: &str) -> bool {
        self.known.contains(id)
    }

    fn has(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    fn raise_revision(&mut self) -> u64 {
        self.revision += 1;
        self.revision
    }

    /// Returns whether all jobs have finished, and all runs are settled.
    pub(super) fn is_settled(&self) -> bool {
        self.jobs.is_empty() && self.journals.is_empty() && self.open.is_empty()
    }

    /// Says what is not settled.
    pub(super) fn unsettled(&self) -> String {
        let jobs: Vec<&str> = self.jobs.keys().map(|id| &**id).collect();
        let entries = self.journals.iter().flat_map(|journal| &journal.entries);
        let runs: Vec<&str> = entries.map(|entry| &*entry.job_id).collect();
        let row = |run: &OpenRun| {
            let time = Seconds(since_start(run.scheduled_run_time));
            let (job, state, attempt) = (&run.job_id, run.state.name(), run.attempt);
            format!("{job} at {time} ({state}, attempt {attempt})")
        };
        let rows: Vec<String> = self.open.iter().map(row).collect();
        format!("jobs that have not finished: {jobs:?}, open runs of {runs:?}, rows of {rows:?}")
    }

    /// Returns the runs of a job that have not ended.
    pub(super) fn unfinished(&self, job: &str) -> Vec<RunId> {
        let entries = self.journals.iter().flat_map(|journal| &journal.entries);
        let of_job = entries.filter(|entry| *entry.job_id == *job).flat_map(JournalEntry::runs);
        let claimed = of_job.map(|(run, _)| run).filter(|run| !self.has_record(*run));
        let rows = self.open.iter().filter(|row| *row.job_id == *job).map(|row| row.run_id);
        claimed.chain(rows).collect::<BTreeSet<RunId>>().into_iter().collect()
    }

    fn has_record(&self, run: RunId) -> bool {
        self.places.range((run, 0)..=(run, u32::MAX)).next().is_some()
    }

    /// Returns whether a job is paused.
    pub(super) fn is_paused(&self, id: &str) -> bool {
        self.jobs.get(id).is_some_and(|job| job.next_run_time.is_none())
    }

    pub(super) fn lookup(&self, id: &str) -> Option<JobRecord> {
        self.jobs.get_key_value(id).map(|(id, job)| job.record(id))
    }

    pub(super) fn page(&self, after: Option<&Cursor>, limit: usize) -> Vec<JobRecord> {
        let is_later = |record: &JobRecord| {
            after.is_none_or(|after| after.is_before(record.next_run_time, &record.id))
        };
        let records = self.jobs.iter().map(|(id, job)| job.record(id));
        let mut page: Vec<JobRecord> = records.filter(is_later).collect();
        page.sort_by_key(|record| {
            (record.next_run_time.is_none(), record.next_run_time, Arc::clone(&record.id))
        });
        page.truncate(limit);
        page
    }

    pub(super) fn next_run_time(&self, after: Option<Timestamp>) -> Option<Timestamp> {
        let times = self.jobs.values().filter_map(|job| job.next_run_time);
        times.filter(|time| after.is_none_or(|after| *time > after)).min()
    }

    pub(super) fn add(&mut self, records: &[NewRecord]) -> Result<()> {
        let exists = |record: &&NewRecord| self.jobs.contains_key(&record.id) && !record.replace;
        if let Some(record) = records.iter().find(exists) {
            return Err(Error::conflicting_id(&*record.id));
        }
        for record in records {
            let revision = self.raise_revision();
            let (next_run_time, payload) = (record.next_run_time, record.payload.clone());
            self.known.insert(Arc::clone(&record.id));
            self.jobs.insert(Arc::clone(&record.id), Job { next_run_time, revision, payload });
        }
        Ok(())
    }

    pub(super) fn update(&mut self, record: &JobRecord) -> Result<bool> {
        let revision = self.raise_revision();
        let job = self.jobs.get_mut(&record.id).ok_or_else(|| Error::job_lookup(&*record.id))?;
        if job.revision != record.revision {
            return Ok(false);
        }
        let (next_run_time, payload) = (record.next_run_time, record.payload.clone());
        *job = Job { next_run_time, revision, payload };
        Ok(true)
    }

    pub(super) fn remove(&mut self, id: &str) -> bool {
        self.jobs.remove(id).is_some()
    }

    pub(super) fn remove_all(&mut self) {
        self.jobs.clear();
    }

    /// Returns the records that are due, in the order of their run times.
    pub(super) fn due(&self, due: &ClaimRequest) -> Vec<JobRecord> {
        let place = |record: &JobRecord| (record.next_run_time, Arc::clone(&record.id));
        let after = due.after.as_ref().map(|after| (Some(after.next_run_time), after.id().into()));
        let is_due = |record: &JobRecord| {
            record.next_run_time.is_some_and(|time| time <= due.now)
                && after.as_ref().is_none_or(|after| place(record) > *after)
        };
        let records = self.jobs.iter().map(|(id, job)| job.record(id));
        let mut records: Vec<JobRecord> = records.filter(is_due).collect();
        records.sort_by_key(place);
        records.truncate(due.limit);
        records
    }

    /// Returns a token for claims.
    pub(super) fn new_token(&mut self) -> u64 {
        self.tokens += 1;
        self.tokens
    }

    /// Writes the decisions on records that nobody has changed since they were read, and their journal entry. Keeps those
    /// in the batch alone.
    pub(super) fn claim(&mut self, batch: &mut DecidedBatch, due: &ClaimRequest, token: u64) {
        let ignores_revision = self.has(Mutation::ClaimIgnoresRevision);
        batch.keep_claims(|record| {
            let job = self.jobs.get(&record.id);
            job.is_some_and(|job| job.revision == record.revision || ignores_revision)
        });
        self.claims.insert(token, batch.claimed().map(|record| Arc::clone(&record.id)).collect());
        let moved: Vec<_> = batch.moved().map(|(id, time)| (Arc::<str>::from(id), time)).collect();
        for (id, time) in moved {
            let revision = self.raise_revision();
            if let Some(job) = self.jobs.get_mut(&id) {
                (job.next_run_time, job.revision) = (Some(time), revision);
            }
        }
        for id in batch.finished() {
            self.jobs.remove(id);
        }
        if !self.has(Mutation::JournalAfterClaim) {
            self.note(batch.journal(due));
        }
    }

    /// Writes a journal entry.
    pub(super) fn note(&mut self, journal: Option<Journal>) {
        self.open.add(journal.as_ref().map_or(&[], |journal| &journal.open));
        self.journals.extend(journal);
        self.journals.sort_by_key(|journal| journal.batch.id);
    }

    /// Returns which of these claims were written with a token.
    pub(super) fn written(&self, token: u64, claims: &[Claim]) -> Vec<bool> {
        let won = self.claims.get(&token).map(Vec::as_slice).unwrap_or_default();
        claims.iter().map(|claim| won.contains(&claim.record.id)).collect()
    }

    /// Writes records, closes batches, and carries out steps of open runs.
    pub(super) fn append(&mut self, owner: OwnerId, writes: &Writes<'_>) -> Written {
        if self.is_dead(owner) && !self.has(Mutation::AppendIgnoresDeath) {
            for record in writes.records {
                let place = self.places.get(&(record.run_id, record.attempt));
                let known = place.and_then(|place| self.records.get_mut(*place));
                if let Some(known) = known.filter(|known| known.state == RunState::Lost) {
                    known.late = known.late.or(Some(record.state));
                }
            }
            return Written { appended: Appended::Fenced, records: Vec::new(), steps: Vec::new() };
        }
        let mut new = Vec::new();
        for record in writes.records {
            let key = (record.run_id, record.attempt);
            match self.places.get(&key) {
                None => {
                    self.places.insert(key, self.records.len());
                    self.records.push(record.clone());
                    new.push(record.clone());
                }
                Some(place) if self.has(Mutation::LastOutcomeCounts) => {
                    self.records[*place] = record.clone();
                }
                Some(_) => {}
            }
        }
        let steps = writes.steps.iter().filter_map(|step| self.open.carry_out(step)).collect();
        self.close(writes.closed);
        Written { appended: Appended::Written, records: new, steps }
    }

    pub(super) fn close(&mut self, closed: &[BatchId]) {
        self.journals.retain(|journal| !closed.contains(&journal.batch.id));
    }

    pub(super) fn runs(&self, query: &RunQuery) -> Vec<RunRecord> {
        // The latest first.
        let mut page = Some(self.journals.iter().rev().cloned().collect());
        let have_ended = |runs: &[RunId]| {
            let ended = runs.iter().copied().filter(|run| self.has_record(*run));
            Ok::<_, std::convert::Infallible>(ended.collect())
        };
        let ended = || {
            let matches =
                |record: &&RunRecord| query.matches(&record.job_id, record.run_id, record.state);
            Ok(self.records.iter().filter(matches).cloned().collect())
        };
        let Ok(runs) = find_runs(query, |_| Ok(page.take().unwrap_or_default()), have_ended, ended);
        runs
    }

    pub(super) fn journal(&self, owner: OwnerId, limit: usize) -> Vec<Journal> {
        let of_owner = |journal: &&Journal| journal.batch.owner == owner;
        self.journals.iter().filter(of_owner).take(limit).cloned().collect()
    }

    /// Returns the open runs that match.
    pub(super) fn open_runs(&self, query: &OpenQuery) -> Vec<OpenRun> {
        self.open.find(query)
    }

    /// Claims open runs that wait and are due. A dead owner gets none.
    pub(super) fn claim_open(
        &mut self,
        owner: OwnerId,
        now: Timestamp,
        limit: usize,
    ) -> Vec<OpenRun> {
        if self.is_dead(owner) {
            return Vec::new();
        }
        self.open.claim(owner, now, limit)
    }

    /// Returns when the first open run that waits is due.
    pub(super) fn next_open(&self) -> Option<Timestamp> {
        self.open.next()
    }

    pub(super) fn heartbeat(
        &mut self,
        owner: &Owner,
        lease: Duration,
        now: Timestamp,
    ) -> OwnerState {
        let Some(known) = self.owners.iter_mut().find(|known| known.owner.id == owner.id) else {
            self.owners.push(OwnerRecord::new(owner.clone(), OwnerState::Alive, now, lease));
            return OwnerState::Alive;
        };
        if known.state == OwnerState::Alive {
            (known.heartbeat, known.lease) = (now, lease);
        }
        known.state
    }

    /// Notes that an owner was shut down. Returns whether it was alive.
    pub(super) fn end(&mut self, owner: OwnerId) -> bool {
        self.change_state(owner, OwnerState::Ended, |_| true)
    }

    pub(super) fn condemn(&mut self, owner: OwnerId, heartbeat: Timestamp) -> bool {
        let ignores_heartbeat = self.has(Mutation::CondemnIgnoresHeartbeat);
        self.change_state(owner, OwnerState::Dead, |known| {
            ignores_heartbeat || known.heartbeat == heartbeat
        })
    }

    fn change_state(
        &mut self,
        owner: OwnerId,
        state: OwnerState,
        condition: impl Fn(&OwnerRecord) -> bool,
    ) -> bool {
        let known = self.owners.iter_mut().find(|known| known.owner.id == owner);
        let known = known.filter(|known| known.state == OwnerState::Alive && condition(known));
        known.map(|known| known.state = state).is_some()
    }

    fn is_dead(&self, owner: OwnerId) -> bool {
        let known = self.owners.iter().find(|known| known.owner.id == owner);
        known.is_some_and(|known| known.state == OwnerState::Dead)
    }

    pub(super) fn owners(&self) -> Vec<OwnerRecord> {
        let mut busy = self.open.owners();
        busy.extend(self.journals.iter().map(|journal| journal.batch.owner));
        let is_wanted = |owner: &&OwnerRecord| {
            owner.state == OwnerState::Alive || busy.contains(&owner.owner.id)
        };
        self.owners.iter().filter(is_wanted).cloned().collect()
    }
}

impl Job {
    fn record(&self, id: &Arc<str>) -> JobRecord {
        let Self { next_run_time, revision, payload } = self;
        JobRecord::new(Arc::clone(id), *next_run_time, *revision, payload.clone())
    }
}
