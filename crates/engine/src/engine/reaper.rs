//! Finds owners of runs that have died, and settles the runs that they had open.

use std::collections::HashMap;
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::ledger::{
    Appended, BatchId, OwnerRecord, OwnerState, RunLedger, RunQuery, RunRecord, RunState, Writes,
};
use apscheduler_core::run::OwnerId;
use apscheduler_core::time::Timestamp;

/// How many batches are settled at once.
const PAGE: usize = 100;

/// Watches the heartbeats of other owners.
///
/// It condemns an owner only after it has watched for a whole lease itself, during which the owner
/// gave no sign of life. So neither an outage of the store nor a pause of this process condemns
/// anybody: both begin the watching anew.
#[derive(Debug, Default)]
pub(super) struct Watcher {
    /// The last sign of life of each owner, and since when it has been the last, by [`Clock::elapsed`].
    ///
    /// [`Clock::elapsed`]: apscheduler_core::time::Clock::elapsed
    seen: HashMap<OwnerId, (Timestamp, Duration)>,
}

impl Watcher {
    /// Forgets what was seen, because the watching was interrupted.
    pub(super) fn interrupt(&mut self) {
        self.seen.clear();
    }

    /// Returns the owners that have given no sign of life for a whole lease. `now` is read from the same clock each time,
    /// which is never put back.
    pub(super) fn watch(&mut self, owners: &[OwnerRecord], now: Duration) -> Vec<OwnerRecord> {
        let alive = |owner: &&OwnerRecord| owner.state == OwnerState::Alive;
        let ids: Vec<OwnerId> = owners.iter().filter(alive).map(|owner| owner.owner.id).collect();
        self.seen.retain(|id, _| ids.contains(id));
        let mut silent = Vec::new();
        for owner in owners.iter().filter(alive) {
            let (heartbeat, since) =
                self.seen.entry(owner.owner.id).or_insert((owner.heartbeat, now));
            if *heartbeat != owner.heartbeat {
                (*heartbeat, *since) = (owner.heartbeat, now);
            } else if now.saturating_sub(*since) >= owner.lease {
                silent.push(owner.clone());
            }
        }
        silent
    }
}

/// Settles the runs that an owner had open when it died or was shut down: they are lost, because
/// nobody knows how they ended. Calls `lost` for each.
///
/// # Errors
/// Any error from the ledger. What has been settled stays so.
pub(super) fn settle(
    ledger: &dyn RunLedger,
    (me, owner): (OwnerId, OwnerId),
    now: Timestamp,
    lost: &mut dyn FnMut(&RunRecord),
) -> Result<()> {
    loop {
        let page = ledger.journal(owner, PAGE)?;
        if page.is_empty() {
            return Ok(());
        }
        let mut records = Vec::new();
        for run in page.iter().flat_map(|journal| journal.records(RunState::Lost)) {
            let found = ledger.runs(&RunQuery::new().run(run.run_id))?;
            if found.iter().all(|record| record.state == RunState::Claimed) {
                records.push(run.ended(now));
            }
        }
        let closed: Vec<BatchId> = page.iter().map(|journal| journal.batch.id).collect();
        if ledger.append(me, &Writes::new().records(&records).closed(&closed))? == Appended::Fenced
        {
            // This scheduler has been found dead itself; its next sign of life tells it.
            return Ok(());
        }
        records.iter().for_each(&mut *lost);
    }
}

#[cfg(test)]
mod tests {
    use apscheduler_core::ledger::{Batch, Journal, JournalEntry};
    use apscheduler_core::run::{Owner, RunId};

    use super::*;

    const LEASE: Duration = Duration::from_secs(60);

    fn owner(state: OwnerState) -> OwnerRecord {
        let owner = Owner::new("shop", "host1", 1);
        OwnerRecord::new(owner, state, Timestamp::UNIX_EPOCH, LEASE)
    }

    #[test]
    fn an_owner_is_silent_after_a_whole_lease() {
        let mut watcher = Watcher::default();
        let owners = [owner(OwnerState::Alive), owner(OwnerState::Dead), owner(OwnerState::Ended)];
        // However old its heartbeat is by the clock of the backend.
        assert!(watcher.watch(&owners, Duration::ZERO).is_empty());
        assert!(watcher.watch(&owners, Duration::from_secs(59)).is_empty());
        assert_eq!(watcher.watch(&owners, Duration::from_secs(60)), owners[..1]);
    }

    #[test]
    fn a_heartbeat_begins_the_lease_anew() {
        let mut watcher = Watcher::default();
        let mut owners = [owner(OwnerState::Alive)];
        watcher.watch(&owners, Duration::ZERO);
        owners[0].heartbeat += chrono::TimeDelta::seconds(1);
        assert!(watcher.watch(&owners, Duration::from_secs(50)).is_empty());
        assert!(watcher.watch(&owners, Duration::from_secs(100)).is_empty());
        assert_eq!(watcher.watch(&owners, Duration::from_secs(110)), owners);
    }

    #[test]
    fn an_interruption_begins_the_watching_anew() {
        let mut watcher = Watcher::default();
        let owners = [owner(OwnerState::Alive)];
        watcher.watch(&owners, Duration::ZERO);
        watcher.interrupt();
        assert!(watcher.watch(&owners, Duration::from_secs(70)).is_empty());
        assert!(watcher.watch(&owners, Duration::from_secs(129)).is_empty());
        assert_eq!(watcher.watch(&owners, Duration::from_secs(130)), owners);
    }

    /// Refuses everything: the scheduler that settles is dead itself.
    #[derive(Debug)]
    struct Refusing;

    impl RunLedger for Refusing {
        fn append(&self, _owner: OwnerId, _writes: &Writes<'_>) -> Result<Appended> {
            Ok(Appended::Fenced)
        }

        fn runs(&self, _query: &RunQuery) -> Result<Vec<RunRecord>> {
            Ok(Vec::new())
        }

        fn journal(&self, owner: OwnerId, _limit: usize) -> Result<Vec<Journal>> {
            let now = Timestamp::UNIX_EPOCH;
            let entry = JournalEntry::new("a", RunId::new(now), vec![now]);
            Ok(vec![Journal::new(Batch::new(owner, now), vec![entry])])
        }
    }

    #[test]
    fn a_scheduler_that_is_dead_itself_settles_nothing() {
        let owners = (OwnerId::random(), OwnerId::random());
        let lost = &mut |run: &RunRecord| panic!("{run:?} is not known to be lost");
        settle(&Refusing, owners, Timestamp::UNIX_EPOCH, lost).unwrap();
    }
}
