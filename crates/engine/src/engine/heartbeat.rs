//! Keeps the owner of a store's runs alive in the ledger, and looks after those of others.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use apscheduler_core::ledger::{OwnerRecord, OwnerState, Retention, RunLedger, RunRecord};
use apscheduler_core::run::{Owner, OwnerId};
use apscheduler_core::time::Clock;
use apscheduler_core::{Error, ErrorKind, Result};

use super::lock::lock;
use super::owner::new_owner;
use super::reaper::{Watcher, settle};

/// How many signs of life a scheduler gives in one lease.
const BEATS: u32 = 6;

/// How often old records are removed.
const PRUNE: Duration = Duration::from_secs(60);

/// How many records are removed at once, so that no lock is held for long.
const PIECE: usize = 500;

/// Gives signs of life on a thread of its own, between a start and the shutdown.
pub(super) struct Heartbeat {
    stop: Arc<Stop>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Stop {
    is_stopped: Mutex<bool>,
    changed: Condvar,
}

/// Called for each run of another owner that is found lost.
pub(super) type OnLost = Box<dyn Fn(&RunRecord, &Owner) + Send + Sync>;

/// What the thread of a heartbeat needs.
pub(super) struct Patient {
    pub(super) alias: Arc<str>,
    pub(super) ledger: Arc<dyn RunLedger>,
    pub(super) lease: Duration,
    pub(super) clock: Arc<dyn Clock>,
    /// The owner of the store's runs. It is replaced if others have found it dead.
    pub(super) owner: Arc<Mutex<Arc<Owner>>>,
    pub(super) on_lost: OnLost,
}

impl Heartbeat {
    /// Gives the first sign of life, and starts the thread.
    ///
    /// # Errors
    /// Any error from the ledger; [`ErrorKind::Other`] if no thread can be started.
    pub(super) fn start(patient: Patient) -> Result<Self> {
        patient.ledger.heartbeat(&patient.owner(), patient.lease)?;
        let stop = Arc::new(Stop::default());
        let stopped = Arc::clone(&stop);
        let name = format!("apscheduler-heartbeat-{}", patient.alias);
        let thread = std::thread::Builder::new().name(name);
        let thread = thread.spawn(move || patient.work(&stopped)).map_err(|error| {
            Error::new(ErrorKind::Other, "can't start a thread").with_source(error)
        })?;
        Ok(Self { stop, thread: Mutex::new(Some(thread)) })
    }

    /// Ends the thread. The last sign of life says that the owner was shut down.
    pub(super) fn stop(&self) {
        *lock(&self.stop.is_stopped) = true;
        self.stop.changed.notify_all();
        let thread = lock(&self.thread).take();
        if let Some(thread) = thread
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the thread of a heartbeat panicked");
        }
    }
}

impl Stop {
    /// Waits. Returns `false` if the heartbeat was stopped.
    fn wait(&self, time: Duration) -> bool {
        let is_stopped = lock(&self.is_stopped);
        let waited = self.changed.wait_timeout_while(is_stopped, time, |is_stopped| !*is_stopped);
        !*waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Patient {
    fn owner(&self) -> Arc<Owner> {
        Arc::clone(&lock(&self.owner))
    }

    fn work(&self, stop: &Stop) {
        let interval = self.lease / BEATS;
        let mut watcher = Watcher::default();
        let mut last = Instant::now();
        let mut pruned: Option<Instant> = None;
        let mut is_failing = false;
        loop {
            match self.beat(&mut watcher, &mut last, interval) {
                Ok(()) => is_failing = false,
                Err(error) => {
                    watcher.interrupt();
                    if !std::mem::replace(&mut is_failing, true) {
                        let message = error.chain();
                        tracing::warn!(
                            jobstore = &*self.alias,
                            "no sign of life was given: {message}"
                        );
                    }
                }
            }
            if !is_failing && pruned.is_none_or(|pruned| pruned.elapsed() >= PRUNE) {
                pruned = Some(Instant::now());
                self.prune(stop);
            }
            if !stop.wait(interval) {
                break;
            }
        }
        if let Err(error) = self.ledger.end(self.owner().id) {
            let message = error.chain();
            tracing::debug!(jobstore = &*self.alias, "the shutdown was not noted: {message}");
        }
    }

    fn beat(&self, watcher: &mut Watcher, last: &mut Instant, interval: Duration) -> Result<()> {
        let owner = self.owner();
        let state = self.ledger.heartbeat(&owner, self.lease)?;
        let now = Instant::now();
        if now.saturating_duration_since(*last) > interval * 2 {
            // This process was stopped, or the store hung.
            watcher.interrupt();
        }
        *last = now;
        if state != OwnerState::Alive {
            let new = new_owner();
            tracing::error!(
                jobstore = &*self.alias,
                "this scheduler gave no sign of life for longer than its lease of {} s, and others have found it \
                 dead: its open runs are lost, and their outcomes are refused. It continues as the owner {}",
                self.lease.as_secs_f64(),
                new.id
            );
            *lock(&self.owner) = new;
            watcher.interrupt();
            self.ledger.heartbeat(&self.owner(), self.lease)?;
        }
        self.reap(watcher, now)
    }

    fn reap(&self, watcher: &mut Watcher, now: Instant) -> Result<()> {
        let me = self.owner().id;
        let mut owners = self.ledger.owners()?;
        owners.retain(|owner| owner.owner.id != me);
        for silent in watcher.watch(&owners, now) {
            if self.ledger.condemn(silent.owner.id, silent.heartbeat)? {
                let (owner, seconds) = (&silent.owner, silent.lease.as_secs_f64());
                tracing::warn!(
                    jobstore = &*self.alias,
                    "the scheduler {owner} is dead: it gave no sign of life for {seconds} s"
                );
                self.settle(me, &silent)?;
            }
        }
        // Owners that were shut down or condemned, and whose runs nobody has settled.
        for owner in owners.iter().filter(|owner| owner.state != OwnerState::Alive) {
            self.settle(me, owner)?;
        }
        Ok(())
    }

    fn settle(&self, me: OwnerId, dead: &OwnerRecord) -> Result<()> {
        let on_lost = &mut |run: &RunRecord| (self.on_lost)(run, &dead.owner);
        settle(&*self.ledger, (me, dead.owner.id), self.clock.now(), on_lost)
    }

    /// Removes old records in pieces, so that others can write in between.
    fn prune(&self, stop: &Stop) {
        loop {
            match self.ledger.prune(self.clock.now(), &Retention::default(), PIECE) {
                Ok(removed) if removed == PIECE && stop.wait(Duration::from_millis(10)) => {}
                Ok(_) => return,
                Err(error) => {
                    let message = error.chain();
                    tracing::warn!(
                        jobstore = &*self.alias,
                        "old records were not removed: {message}"
                    );
                    return;
                }
            }
        }
    }
}
