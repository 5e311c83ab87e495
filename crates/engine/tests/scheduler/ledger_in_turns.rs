//! A ledger that is shared and does no I/O: the engine looks after it in the turns of its loop, by its clock.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::job::JobBuilder;
use apscheduler_core::ledger::{
    Appended, Batch, History, Journal, JournalEntry, OwnerRecord, OwnerState, RunLedger, RunQuery,
    RunRecord, RunState, Writes,
};
use apscheduler_core::run::{Owner, OwnerId, RunId};
use apscheduler_core::store::{
    ClaimRequest, Claims, Cursor, Decision, JobRecord, JobStore, NewRecord, StoreCapabilities,
};
use apscheduler_core::time::{Clock as _, Timestamp};
use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_core::{Shutdown, config::Config};
use apscheduler_store_memory::MemoryJobStore;
use apscheduler_testkit::{ManualClock, SteppedScheduler};
use chrono::TimeDelta;

use crate::held_runs::HeldRuns;
use crate::recorder::{Recorder, at, every, scheduler};

const LEASE: Duration = Duration::from_secs(60);

/// A store in memory, with a ledger that others can see. Clones are the same store.
#[derive(Clone, Debug, Default)]
struct SharedStore {
    jobs: Arc<MemoryJobStore>,
    book: Arc<Book>,
}

/// The ledger, in which tests write for other owners.
#[derive(Debug, Default)]
struct Book {
    pages: Mutex<Pages>,
}

#[derive(Debug, Default)]
struct Pages {
    clock: Option<ManualClock>,
    owners: Vec<OwnerRecord>,
    journals: Vec<Journal>,
    /// The records of each successful call of `append`, and how many batches it closed.
    appended: Vec<(Vec<RunRecord>, usize)>,
    /// The records of changes.
    changes: Vec<RunRecord>,
    beats: usize,
    fails: bool,
    panics: bool,
}

impl Book {
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap()
    }

    fn work(&self) -> Result<MutexGuard<'_, Pages>> {
        let pages = self.pages();
        let (fails, panics) = (pages.fails, pages.panics);
        if fails || panics {
            drop(pages);
            assert!(!panics, "oh no");
            return Err(Error::new(ErrorKind::Unavailable, "away"));
        }
        Ok(pages)
    }

    fn add_owner(&self) -> Owner {
        let owner = Owner::new("other", "host", 1);
        let record = OwnerRecord::new(owner.clone(), OwnerState::Alive, at(-500), LEASE);
        self.pages().owners.push(record);
        owner
    }

    fn take_beats(&self) -> usize {
        std::mem::take(&mut self.pages().beats)
    }

    fn take_appended(&self) -> Vec<(Vec<RunState>, usize)> {
        let appended = std::mem::take(&mut self.pages().appended);
        let states = |(records, closed): (Vec<RunRecord>, usize)| {
            (records.iter().map(|record| record.state).collect(), closed)
        };
        appended.into_iter().map(states).collect()
    }

    fn states(&self) -> Vec<OwnerState> {
        self.pages().owners.iter().map(|owner| owner.state).collect()
    }
}

impl RunLedger for Book {
    fn append(&self, owner: OwnerId, writes: &Writes<'_>) -> Result<Appended> {
        let Writes { records, closed, .. } = *writes;
        let mut pages = self.work()?;
        let is_dead =
            |other: &OwnerRecord| other.owner.id == owner && other.state == OwnerState::Dead;
        if pages.owners.iter().any(is_dead) {
            return Ok(Appended::Fenced);
        }
        pages.journals.retain(|journal| !closed.contains(&journal.batch.id));
        let is_change = |record: &RunRecord| record.state == RunState::Changed;
        let (changes, outcomes): (Vec<_>, Vec<_>) = records.iter().cloned().partition(is_change);
        pages.changes.extend(changes);
        if !outcomes.is_empty() || !closed.is_empty() {
            pages.appended.push((outcomes, closed.len()));
        }
        Ok(Appended::Written)
    }

    fn runs(&self, _query: &RunQuery) -> Result<Vec<RunRecord>> {
        Ok(Vec::new())
    }

    fn journal(&self, owner: OwnerId, _limit: usize) -> Result<Vec<Journal>> {
        let of_owner = |journal: &&Journal| journal.batch.owner == owner;
        Ok(self.work()?.journals.iter().filter(of_owner).cloned().collect())
    }

    fn heartbeat(&self, owner: &Owner, lease: Duration) -> Result<OwnerState> {
        let mut pages = self.work()?;
        pages.beats += 1;
        let now = pages.clock.as_ref().unwrap().now();
        if let Some(known) = pages.owners.iter_mut().find(|known| known.owner.id == owner.id) {
            known.heartbeat = now;
            return Ok(known.state);
        }
        pages.owners.push(OwnerRecord::new(owner.clone(), OwnerState::Alive, now, lease));
        Ok(OwnerState::Alive)
    }

    fn end(&self, owner: OwnerId) -> Result<()> {
        let mut pages = self.work()?;
        pages.owners.iter_mut().filter(|known| known.owner.id == owner).for_each(|known| {
            known.state = OwnerState::Ended;
        });
        Ok(())
    }

    fn owners(&self) -> Result<Vec<OwnerRecord>> {
        Ok(self.work()?.owners.clone())
    }

    fn condemn(&self, owner: OwnerId, heartbeat: Timestamp) -> Result<bool> {
        let mut pages = self.work()?;
        let is_this =
            |known: &&mut OwnerRecord| known.owner.id == owner && known.heartbeat == heartbeat;
        let found = pages.owners.iter_mut().find(is_this);
        Ok(found.map(|known| known.state = OwnerState::Dead).is_some())
    }
}

impl JobStore for SharedStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities::new().shared(true)
    }

    fn lookup_job(&self, id: &str) -> Result<Option<JobRecord>> {
        self.jobs.lookup_job(id)
    }

    fn get_jobs(&self, after: Option<&Cursor>, limit: usize) -> Result<Vec<JobRecord>> {
        self.jobs.get_jobs(after, limit)
    }

    fn next_run_time(&self, after: Option<Timestamp>) -> Result<Option<Timestamp>> {
        self.jobs.next_run_time(after)
    }

    fn add_jobs(&self, records: Vec<NewRecord>) -> Result<()> {
        self.jobs.add_jobs(records)
    }

    fn update_job(&self, record: &JobRecord) -> Result<bool> {
        self.jobs.update_job(record)
    }

    fn remove_job(&self, id: &str) -> Result<bool> {
        self.jobs.remove_job(id)
    }

    fn remove_all_jobs(&self) -> Result<()> {
        self.jobs.remove_all_jobs()
    }

    fn claim_due(
        &self,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Claims> {
        let claims = self.jobs.claim_due(due, decide)?;
        let won = claims.won.iter().map(|claim| (&claim.record, &claim.outcome));
        self.book.pages().journals.extend(due.journal(won));
        Ok(claims)
    }

    fn ledger(&self) -> Option<Arc<dyn RunLedger>> {
        Some(Arc::clone(&self.book) as _)
    }
}

/// Returns a running scheduler on the store, whose runs wait.
fn start(store: &SharedStore) -> (SteppedScheduler, HeldRuns) {
    let (scheduler, held) = (scheduler(), HeldRuns::new(usize::MAX));
    store.book.pages().clock = Some(scheduler.manual_clock().clone());
    let config = Config::new()
        .history(History::All)
        .lease(LEASE)
        .jobstore("default", store.clone())
        .executor("default", held.clone());
    scheduler.configure(&config).unwrap();
    scheduler.start().unwrap();
    (scheduler, held)
}

fn pass(scheduler: &SteppedScheduler, seconds: i64) -> Duration {
    scheduler.manual_clock().advance(TimeDelta::seconds(seconds));
    scheduler.turn().unwrap()
}

/// Lets time pass in steps of 10 s, so that the scheduler does not seem to have been stopped.
fn pass_slowly(scheduler: &SteppedScheduler, seconds: i64) {
    for _ in 0..seconds / 10 {
        pass(scheduler, 10);
    }
}

#[test]
fn signs_of_life_are_given_in_turns() {
    let store = SharedStore::default();
    let (scheduler, _) = start(&store);
    assert_eq!(scheduler.turn(), Some(LEASE / 6), "the next sign of life is due then");
    store.book.take_beats();
    assert_eq!(pass(&scheduler, 9), Duration::from_secs(1));
    assert_eq!(store.book.take_beats(), 0);
    assert_eq!(pass(&scheduler, 1), Duration::from_secs(10));
    assert_eq!(store.book.take_beats(), 1);
    // The time since the last one counts, not the time of day.
    scheduler.manual_clock().adjust(TimeDelta::hours(-1));
    scheduler.turn();
    assert_eq!(store.book.take_beats(), 0);
    scheduler.pause().unwrap();
    pass(&scheduler, 10);
    assert_eq!(store.book.take_beats(), 1, "a scheduler that is paused is alive");
    scheduler.shutdown(Shutdown::Wait).unwrap();
    assert_eq!(store.book.states(), [OwnerState::Ended]);
}

#[test]
fn runs_of_an_owner_that_is_silent_for_a_lease_are_lost() {
    let store = SharedStore::default();
    let other = store.book.add_owner();
    let entry = JournalEntry::new("a", RunId::new(at(0)), vec![at(0)]);
    store.book.pages().journals.push(Journal::new(Batch::new(other.id, at(0)), vec![entry]));
    let (scheduler, _) = start(&store);
    let events = Recorder::on(&scheduler, EventMask::JOB_LOST);
    scheduler.turn();
    pass_slowly(&scheduler, 50);
    assert_eq!(events.names(), [] as [&str; 0]);
    pass_slowly(&scheduler, 10);
    assert_eq!(events.names(), ["JOB_LOST a"]);
    assert_eq!(store.book.states(), [OwnerState::Dead, OwnerState::Alive]);
    assert_eq!(store.book.take_appended(), [(vec![RunState::Lost], 1)]);
}

/// Nobody else would report it.
#[test]
fn the_deadline_of_a_run_that_is_lost_is_reported() {
    let store = SharedStore::default();
    let other = store.book.add_owner();
    let entry = JournalEntry::new("a", RunId::new(at(0)), vec![at(0)]);
    store.book.pages().journals.push(Journal::new(Batch::new(other.id, at(0)), vec![entry]));
    let (scheduler, _) = start(&store);
    let job = JobBuilder::new("tests::ok").id("a").trigger(every(1_000_000));
    scheduler.add_job(job.deadline(Duration::from_secs(100))).unwrap();
    let events = Recorder::on(&scheduler, EventMask::JOB_LOST | EventMask::JOB_OVERDUE);
    scheduler.turn();
    pass_slowly(&scheduler, 90);
    assert_eq!(events.names(), ["JOB_LOST a"]);
    pass(&scheduler, 10);
    assert_eq!(events.names(), ["JOB_OVERDUE a"]);
}

#[test]
fn a_scheduler_that_was_stopped_for_a_lease_condemns_nobody() {
    let store = SharedStore::default();
    store.book.add_owner();
    let (scheduler, _) = start(&store);
    scheduler.turn();
    pass(&scheduler, 600);
    assert_eq!(store.book.states(), [OwnerState::Alive; 2]);
}

#[test]
fn a_scheduler_that_was_found_dead_continues_as_another_owner() {
    let store = SharedStore::default();
    let (scheduler, held) = start(&store);
    let job = JobBuilder::new("tests::ok").id("a").trigger(every(15)).max_instances(2);
    scheduler.add_job(job).unwrap();
    pass(&scheduler, 15);
    store.book.pages().owners[0].state = OwnerState::Dead;
    pass(&scheduler, 15);
    assert_eq!(store.book.states(), [OwnerState::Dead, OwnerState::Alive]);
    // It settles its own earlier run.
    assert_eq!(store.book.take_appended(), [(vec![RunState::Lost], 1)]);
    held.execute(0);
    assert_eq!(store.book.take_appended(), [], "the outcome is refused");
    held.execute(0);
    assert_eq!(store.book.take_appended(), [(vec![RunState::Ok], 1)]);
}

#[test]
fn a_change_is_recorded_although_its_scheduler_was_found_dead() {
    let store = SharedStore::default();
    let (scheduler, _) = start(&store);
    let events = Recorder::on(&scheduler, EventMask::RUN_FENCED);
    store.book.pages().owners[0].state = OwnerState::Dead;
    store.book.pages().changes.clear();
    scheduler.add_job(JobBuilder::new("tests::ok").id("a").trigger(every(5))).unwrap();
    let ids: Vec<_> =
        store.book.pages().changes.iter().map(|change| change.job_id.clone()).collect();
    assert_eq!(ids, ["a".into()]);
    assert_eq!(events.names(), [] as [&str; 0]);
}

#[test]
fn a_batch_is_closed_with_the_last_of_its_runs() {
    let store = SharedStore::default();
    let (scheduler, held) = start(&store);
    for id in ["a", "b"] {
        scheduler.add_job(JobBuilder::new("tests::ok").id(id).trigger(every(5))).unwrap();
    }
    pass(&scheduler, 5);
    held.execute(0);
    assert_eq!(store.book.take_appended(), [(vec![RunState::Ok], 0)], "at once");
    held.execute(0);
    assert_eq!(store.book.take_appended(), [(vec![RunState::Ok], 1)]);
}

/// The first run of the batch has its outcome at once, before the second is submitted.
#[test]
fn a_batch_with_a_skipped_run_stays_open_for_the_others() {
    let store = SharedStore::default();
    let (scheduler, held) = start(&store);
    for id in ["a", "b"] {
        scheduler.add_job(JobBuilder::new("tests::ok").id(id).trigger(every(5))).unwrap();
    }
    pass(&scheduler, 5);
    held.execute(1);
    store.book.take_appended();
    pass(&scheduler, 5);
    assert_eq!(store.book.take_appended(), [(vec![RunState::Skipped], 0)]);
    held.execute(1);
    assert_eq!(store.book.take_appended(), [(vec![RunState::Ok], 1)]);
}

#[test]
fn records_that_could_not_be_written_are_written_in_a_later_turn() {
    let store = SharedStore::default();
    let (scheduler, held) = start(&store);
    for id in ["a", "b"] {
        scheduler.add_job(JobBuilder::new("tests::ok").id(id).trigger(every(5))).unwrap();
    }
    pass(&scheduler, 5);
    store.book.pages().fails = true;
    let wakes = scheduler.wakes();
    held.execute_all();
    assert!(scheduler.wakes() > wakes, "a turn is to be made soon");
    assert_eq!(scheduler.turn(), Some(Duration::from_secs(1)));
    store.book.pages().fails = false;
    assert_eq!(scheduler.turn(), Some(Duration::from_secs(1)), "not before");
    assert_eq!(store.book.take_appended(), []);
    pass(&scheduler, 1);
    // What had failed is written again as it was.
    let ok = || vec![RunState::Ok];
    assert_eq!(store.book.take_appended(), [(ok(), 0), (ok(), 1)]);
}

#[test]
fn a_shutdown_writes_what_waits() {
    let store = SharedStore::default();
    let (scheduler, held) = start(&store);
    scheduler.add_job(JobBuilder::new("tests::ok").id("a").trigger(every(5))).unwrap();
    pass(&scheduler, 5);
    store.book.pages().fails = true;
    held.execute_all();
    store.book.pages().fails = false;
    scheduler.shutdown(Shutdown::Wait).unwrap();
    assert_eq!(store.book.take_appended(), [(vec![RunState::Ok], 1)]);
}

#[test]
fn a_panic_of_the_ledger_ends_neither_the_turn_nor_the_signs_of_life() {
    let store = SharedStore::default();
    let (scheduler, held) = start(&store);
    scheduler.add_job(JobBuilder::new("tests::ok").id("a").trigger(every(15))).unwrap();
    pass(&scheduler, 15);
    store.book.pages().panics = true;
    held.execute_all();
    pass(&scheduler, 10);
    store.book.pages().panics = false;
    store.book.take_beats();
    pass(&scheduler, 10);
    assert_eq!(store.book.take_beats(), 1);
    assert_eq!(store.book.take_appended(), [(vec![RunState::Ok], 1)]);
}

#[test]
fn a_run_that_was_given_up_does_not_begin() {
    let store = SharedStore::default();
    let (scheduler, held) = start(&store);
    let job = JobBuilder::new("tests::ok").id("a").trigger(every(5)).misfire_grace_time(None);
    scheduler.add_job(job).unwrap();
    pass(&scheduler, 5);
    let events = Recorder::on(
        &scheduler,
        EventMask::JOB_EXECUTED | EventMask::JOB_ERROR | EventMask::RUN_FENCED,
    );
    // The process is stopped, and others find it dead. Its queue goes on before its event loop does.
    store.book.pages().owners[0].state = OwnerState::Dead;
    scheduler.manual_clock().advance(TimeDelta::seconds(61));
    held.execute_all();
    let events = events.take();
    let [fenced, error] = &events[..] else { panic!("{events:?}") };
    let Event::JobError { error, .. } = error else { panic!("{error:?}") };
    assert!(error.to_string().contains("longer than its lease"), "{error}");
    let Event::RunFenced { state, attempt, .. } = fenced else { panic!("{fenced:?}") };
    assert_eq!((*state, *attempt), (RunState::Cancelled, 1));
    assert_eq!(store.book.states(), [OwnerState::Dead, OwnerState::Alive], "it goes on as another");
}

#[test]
fn a_scheduler_that_was_stopped_asks_before_it_claims() {
    let store = SharedStore::default();
    let (scheduler, held) = start(&store);
    let job = JobBuilder::new("tests::ok").id("a").trigger(every(5)).misfire_grace_time(None);
    scheduler.add_job(job).unwrap();
    pass(&scheduler, 1);
    store.book.pages().owners[0].state = OwnerState::Dead;
    scheduler.manual_clock().advance(TimeDelta::seconds(61));
    scheduler.step();
    held.execute_all();
    // The run was claimed by the new owner, so its outcome is accepted.
    let appended = store.book.take_appended();
    assert_eq!(appended, [(vec![RunState::Coalesced], 0), (vec![RunState::Ok], 1)]);
}
