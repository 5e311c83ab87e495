//! Keeps the owner of a store's runs alive in the ledger, and looks after those of others.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::ledger::{OwnerRecord, OwnerState, Retention, RunLedger};
use apscheduler_core::run::{Owner, OwnerId};
use apscheduler_core::store::JobStore;
use apscheduler_core::time::{Clock, Timestamp};

use super::cancel_requests::{OnCancel, follow};
use super::followers::Followers;
use super::following::{Followed, Following};
use super::foreign::caught;
use super::lease::Lease;
use super::orphans::Orphans;
use super::reaper::Watcher;
use super::settling::{Settled, settle};

/// How many signs of life a scheduler gives in one lease.
const BEATS: u32 = 6;

/// How often old records are removed.
const PRUNE: Duration = Duration::from_secs(60);

/// The pause before ends of runs are followed that another scheduler is following, or after a failure.
const BUSY_PAUSE: Duration = Duration::from_millis(100);

/// How many records are removed at once, so that no lock is held for long.
pub(super) const PIECE: usize = 200;

/// The pause between two such pieces, so that others can write.
pub(super) const BREATHER: Duration = Duration::from_millis(10);

/// Called for each run of another owner that is found lost.
pub(super) type OnLost = Box<dyn Fn(&Settled, &Owner) + Send + Sync>;

/// Called with the time at which the first run that waits is due.
pub(super) type OnWaiting = Box<dyn Fn(Timestamp) + Send + Sync>;

/// What a pulse needs.
pub(super) struct Patient {
    pub(super) alias: Arc<str>,
    pub(super) ledger: Arc<dyn RunLedger>,
    pub(super) lease: Arc<Lease>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) retention: Retention,
    pub(super) store: Arc<dyn JobStore>,
    pub(super) followers: Arc<Followers>,
    pub(super) on_lost: OnLost,
    pub(super) on_waiting: OnWaiting,
    pub(super) on_cancel: OnCancel,
}

/// Gives signs of life, condemns owners that give none, and removes old records: what is due at each
/// [`step`](Self::step), by the monotonic time of the scheduler's clock.
pub(super) struct Pulse {
    patient: Patient,
    watcher: Watcher,
    orphans: Orphans,
    /// When the last sign of life was given.
    last: Duration,
    next_beat: Duration,
    next_prune: Duration,
    /// When to look again at ends of runs that could not be followed at once.
    next_look: Option<Duration>,
    is_failing: bool,
    /// Owners whose runs this release can't settle.
    unsettled: HashSet<OwnerId>,
}

impl Pulse {
    /// The pulse of an owner whose lease has begun.
    pub(super) fn new(patient: Patient) -> Self {
        let now = patient.clock.elapsed();
        let (watcher, orphans) = (Watcher::default(), Orphans::default());
        Self {
            patient,
            watcher,
            orphans,
            last: now,
            next_beat: now,
            next_prune: now,
            next_look: None,
            is_failing: false,
            unsettled: HashSet::new(),
        }
    }

    /// Returns the alias of the store.
    pub(super) fn alias(&self) -> &str {
        &self.patient.alias
    }

    /// Does what is due. Returns how long to wait for the next step.
    pub(super) fn step(&mut self) -> Duration {
        let Patient { clock, lease, .. } = &self.patient;
        let (now, interval) = (clock.elapsed(), lease.length() / BEATS);
        if now >= self.next_beat {
            self.beat_or_warn(interval);
            self.next_beat = self.patient.clock.elapsed() + interval;
        }
        if !self.is_failing && now >= self.next_prune {
            let pause = if self.patient.prune_piece() { BREATHER } else { PRUNE };
            if pause == PRUNE {
                self.patient.look_for_orphans(&mut self.orphans);
                // Those of schedulers that have died before they followed them.
                self.patient.note_followed(|| self.patient.following().follow_all());
            }
            self.next_prune = self.patient.clock.elapsed() + pause;
        }
        let has_ended = self.patient.followers.has_ended();
        if !self.is_failing && has_ended && self.next_look.is_none_or(|next| now >= next) {
            self.next_look = None;
            let follow = || self.patient.following().follow_ended(&self.patient.followers);
            if !self.patient.note_followed(follow) {
                self.next_look = Some(self.patient.clock.elapsed() + BUSY_PAUSE);
            }
        }
        let next =
            if self.is_failing { self.next_beat } else { self.next_beat.min(self.next_prune) };
        let next = self.next_look.map_or(next, |look| look.min(next));
        next.saturating_sub(self.patient.clock.elapsed())
    }

    /// Notes that the owner was shut down.
    pub(super) fn end(&self) {
        let Patient { ledger, alias, .. } = &self.patient;
        if let Err(error) = ledger.end(self.patient.lease.owner().id) {
            let message = error.chain();
            tracing::debug!(jobstore = &**alias, "the shutdown was not noted: {message}");
        }
    }

    fn beat_or_warn(&mut self, interval: Duration) {
        let Err(error) = caught("the ledger", || self.beat(interval)) else {
            self.is_failing = false;
            return;
        };
        self.watcher.interrupt();
        if !std::mem::replace(&mut self.is_failing, true) {
            let message = error.chain();
            tracing::warn!(jobstore = self.alias(), "no sign of life was given: {message}");
        }
    }

    fn beat(&mut self, interval: Duration) -> Result<()> {
        let Patient { lease, clock, .. } = &self.patient;
        let was_dead = lease.renew()?;
        let now = clock.elapsed();
        if was_dead {
            self.watcher.interrupt();
        } else {
            // If this process was stopped or the store hung, others could not give signs of life either. A store that is always
            // slow must not keep the dead from being found, so a part of each pause counts.
            self.watcher.leave_out(now.saturating_sub(self.last + interval * 2));
        }
        self.last = now;
        self.patient.reap(&mut self.watcher, &mut self.unsettled)?;
        // Others may have left runs that wait, or ask to cancel some.
        let Patient { ledger, lease, on_waiting, on_cancel, .. } = &self.patient;
        if let Some(due) = ledger.next_open()? {
            on_waiting(due);
        }
        self.patient.followers.load(&**ledger)?;
        follow(&**ledger, lease.owner().id, &**on_cancel)
    }
}

impl Patient {
    fn reap(&self, watcher: &mut Watcher, unsettled: &mut HashSet<OwnerId>) -> Result<()> {
        let me = self.lease.owner().id;
        let asked = self.clock.elapsed();
        let mut owners = self.ledger.owners()?;
        let answered = self.clock.elapsed();
        owners.retain(|owner| owner.owner.id != me);
        for silent in watcher.watch(&owners, asked, answered) {
            if self.ledger.condemn(silent.owner.id, silent.heartbeat)? {
                let (owner, seconds) = (&silent.owner, silent.lease.as_secs_f64());
                tracing::warn!(
                    jobstore = &*self.alias,
                    "the scheduler {owner} is dead: it gave no sign of life for {seconds} s"
                );
                self.settle(me, &silent, unsettled)?;
            }
        }
        // Owners that were shut down or condemned, and whose runs nobody has settled.
        for owner in owners.iter().filter(|owner| owner.state != OwnerState::Alive) {
            self.settle(me, owner, unsettled)?;
        }
        Ok(())
    }

    /// Settles the runs of an owner. If the ledger has something that this release can't read, because a later release wrote
    /// it or because it is damaged, they are left to others: that must not keep this scheduler from all else.
    fn settle(
        &self,
        me: OwnerId,
        dead: &OwnerRecord,
        unsettled: &mut HashSet<OwnerId>,
    ) -> Result<()> {
        let (ledger, owner) = (&*self.ledger, &dead.owner);
        let on_lost = &mut |settled: &Settled| (self.on_lost)(settled, owner);
        match settle(ledger, (me, owner.id), self.clock.now(), on_lost) {
            Err(error) if !error.is_retryable() => {
                if unsettled.insert(owner.id) {
                    let message = error.chain();
                    tracing::error!(
                        jobstore = &*self.alias,
                        "the runs of {owner} can't be settled here: {message}"
                    );
                }
                Ok(())
            }
            settled => settled,
        }
    }

    /// Releases runs that are held, although no run is left that would release them.
    fn look_for_orphans(&self, orphans: &mut Orphans) {
        let me = self.lease.owner().id;
        let now = self.clock.now();
        match caught("the ledger", || orphans.look(&*self.ledger, me, now)) {
            Ok(true) => (self.on_waiting)(now),
            Ok(false) => {}
            Err(error) => {
                let message = error.chain();
                tracing::warn!(
                    jobstore = &*self.alias,
                    "can't look for runs of a backfill that nothing releases: {message}"
                );
            }
        }
    }

    /// Returns what follows ends of runs now.
    fn following(&self) -> Following<'_> {
        let (ledger, store) = (&*self.ledger, &*self.store);
        Following { ledger, store, me: self.lease.owner().id, now: self.clock.now() }
    }

    /// Follows ends of runs. Returns whether all of them were followed.
    fn note_followed(&self, follow: impl FnOnce() -> Result<Followed>) -> bool {
        let now = self.clock.now();
        let followed = caught("the ledger", follow);
        match followed {
            Ok(Followed { has_made, is_busy }) => {
                if has_made {
                    (self.on_waiting)(now);
                }
                !is_busy
            }
            Err(error) => {
                let message = error.chain();
                tracing::warn!(
                    jobstore = &*self.alias,
                    "runs that follow others were not made, which is tried again: {message}"
                );
                false
            }
        }
    }

    /// Removes some old records. Returns whether there may be more.
    fn prune_piece(&self) -> bool {
        let prune = || self.ledger.prune(self.clock.now(), &self.retention, PIECE);
        match caught("the ledger", prune) {
            Ok(removed) => removed == PIECE,
            Err(error) => {
                let message = error.chain();
                tracing::warn!(jobstore = &*self.alias, "old records were not removed: {message}");
                false
            }
        }
    }
}
