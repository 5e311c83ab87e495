//! The lease of a store's owner: how long others believe that it is alive without a further sign of life.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use apscheduler_core::ledger::{OwnerState, RunLedger};
use apscheduler_core::run::{Owner, OwnerId};
use apscheduler_core::time::{Clock, Timestamp};
use apscheduler_core::{Error, ErrorKind, Result};

use super::lock::lock;
use super::owner::new_owner;

/// How often a sign of life is given anew whose answer came too late.
const MAX_TRIES: usize = 3;

/// The lease of a store's owner.
///
/// Others condemn an owner only after they have watched it for a whole lease. So one that has given a sign of life within
/// its lease is alive for certain. One that has not, because its process was stopped, asks before it starts anything.
pub(super) struct Lease {
    alias: Arc<str>,
    ledger: Arc<dyn RunLedger>,
    length: Duration,
    clock: Arc<dyn Clock>,
    /// The owner of the store's runs. It is replaced if others have found it dead.
    owner: Arc<Mutex<Arc<Owner>>>,
    /// When the last sign of life was given, by the monotonic and by the other time of the clock: the former may stand
    /// still while a machine is suspended.
    given: Mutex<(Duration, Timestamp)>,
    dead: Mutex<HashSet<OwnerId>>,
    is_any_dead: AtomicBool,
}

impl Lease {
    /// Gives the first sign of life.
    ///
    /// # Errors
    /// Any error from the ledger.
    pub(super) fn begin(
        alias: &Arc<str>,
        ledger: &Arc<dyn RunLedger>,
        length: Duration,
        clock: &Arc<dyn Clock>,
        owner: &Arc<Mutex<Arc<Owner>>>,
    ) -> Result<Self> {
        let lease = Self {
            alias: Arc::clone(alias),
            ledger: Arc::clone(ledger),
            length,
            clock: Arc::clone(clock),
            owner: Arc::clone(owner),
            given: Mutex::new((clock.elapsed(), clock.now())),
            dead: Mutex::default(),
            is_any_dead: AtomicBool::new(false),
        };
        lease.renew()?;
        Ok(lease)
    }

    pub(super) fn length(&self) -> Duration {
        self.length
    }

    pub(super) fn owner(&self) -> Arc<Owner> {
        Arc::clone(&lock(&self.owner))
    }

    /// Returns whether the owner is alive for certain.
    fn is_fresh(&self) -> bool {
        let (elapsed, time) = *lock(&self.given);
        let passed = (self.clock.now() - time).to_std().unwrap_or_default();
        self.clock.elapsed().saturating_sub(elapsed).max(passed) < self.length
    }

    /// Gives a sign of life. If others have found the owner dead, a new one takes its place. Returns whether that was so.
    ///
    /// # Errors
    /// Any error from the ledger.
    pub(super) fn renew(&self) -> Result<bool> {
        let (owner, given) = (self.owner(), (self.clock.elapsed(), self.clock.now()));
        let is_dead = self.ledger.heartbeat(&owner, self.length)? != OwnerState::Alive;
        if is_dead {
            // It claims nothing before it is known: nobody would look after an unknown owner.
            let new = new_owner();
            self.ledger.heartbeat(&new, self.length)?;
            self.replace(&owner, new);
        }
        *lock(&self.given) = given;
        Ok(is_dead)
    }

    fn replace(&self, dead: &Owner, new: Arc<Owner>) {
        let mut owner = lock(&self.owner);
        if owner.id != dead.id {
            return;
        }
        tracing::error!(
            jobstore = &*self.alias,
            "this scheduler gave no sign of life for longer than its lease of {} s, and others have found it dead: its \
             open runs are lost, and their outcomes are refused. It continues as the owner {}",
            self.length.as_secs_f64(),
            new.id
        );
        *owner = new;
        drop(owner);
        lock(&self.dead).insert(dead.id);
        self.is_any_dead.store(true, Ordering::SeqCst);
    }

    /// Gives a sign of life if the last one was given longer ago than the lease, and another one if that took so long that
    /// its answer may be wrong by now.
    ///
    /// # Errors
    /// Any error from the ledger. [`ErrorKind::Unavailable`] if its answers take longer than the lease.
    pub(super) fn confirm(&self) -> Result<()> {
        for _ in 0..MAX_TRIES {
            if self.is_fresh() {
                return Ok(());
            }
            self.renew()?;
        }
        if self.is_fresh() { Ok(()) } else { Err(too_slow()) }
    }

    /// Returns whether the runs of an owner of this scheduler have been given up. Asks the ledger only if no sign of life
    /// was given for a whole lease.
    pub(super) fn is_fenced(&self, owner: OwnerId) -> bool {
        if let Err(error) = self.confirm() {
            // Nobody can know while the ledger fails, and no run waits for it.
            let message = error.chain();
            tracing::debug!(jobstore = &*self.alias, "the lease can't be confirmed: {message}");
        }
        self.is_any_dead.load(Ordering::SeqCst) && lock(&self.dead).contains(&owner)
    }
}

fn too_slow() -> Error {
    Error::new(ErrorKind::Unavailable, "the ledger takes longer than the lease to answer")
}
