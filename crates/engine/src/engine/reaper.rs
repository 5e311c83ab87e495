//! Finds owners of runs that have died.

use std::collections::HashMap;
use std::time::Duration;

use apscheduler_core::ledger::{OwnerRecord, OwnerState};
use apscheduler_core::run::OwnerId;
use apscheduler_core::time::Timestamp;

/// Watches the heartbeats of other owners.
///
/// It condemns an owner only after it has watched for a whole lease itself, during which the owner
/// gave no sign of life. An outage of the store begins the watching anew, and a pause of this
/// process hardly counts. So neither condemns anybody, and a slow store still tells who is dead.
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

    /// Leaves out a span in which nobody was watched, although no call failed: this process was stopped, or the store was slow.
    pub(super) fn leave_out(&mut self, span: Duration) {
        for (_, since) in self.seen.values_mut() {
            *since += span;
        }
    }

    /// Returns the owners that have given no sign of life for a whole lease. `asked` and `answered` are the times of a clock
    /// that is never put back, before and after the owners were read: nobody knows when in between.
    pub(super) fn watch(
        &mut self,
        owners: &[OwnerRecord],
        asked: Duration,
        answered: Duration,
    ) -> Vec<OwnerRecord> {
        let alive = |owner: &&OwnerRecord| owner.state == OwnerState::Alive;
        let ids: Vec<OwnerId> = owners.iter().filter(alive).map(|owner| owner.owner.id).collect();
        self.seen.retain(|id, _| ids.contains(id));
        let mut silent = Vec::new();
        for owner in owners.iter().filter(alive) {
            let (heartbeat, since) =
                self.seen.entry(owner.owner.id).or_insert((owner.heartbeat, answered));
            if *heartbeat != owner.heartbeat {
                (*heartbeat, *since) = (owner.heartbeat, answered);
            } else if asked.saturating_sub(*since) >= owner.lease {
                silent.push(owner.clone());
            }
        }
        silent
    }
}

#[cfg(test)]
mod tests {
    use apscheduler_core::run::Owner;

    use super::*;

    const LEASE: Duration = Duration::from_secs(60);

    fn owner(state: OwnerState) -> OwnerRecord {
        let owner = Owner::new("shop", "host1", 1);
        OwnerRecord::new(owner, state, Timestamp::UNIX_EPOCH, LEASE)
    }

    /// Reads the owners without a delay, at this second.
    fn at(watcher: &mut Watcher, owners: &[OwnerRecord], second: u64) -> Vec<OwnerRecord> {
        let time = Duration::from_secs(second);
        watcher.watch(owners, time, time)
    }

    #[test]
    fn an_owner_is_silent_after_a_whole_lease() {
        let mut watcher = Watcher::default();
        let owners = [owner(OwnerState::Alive), owner(OwnerState::Dead), owner(OwnerState::Ended)];
        // However old its heartbeat is by the clock of the backend.
        assert!(at(&mut watcher, &owners, 0).is_empty());
        assert!(at(&mut watcher, &owners, 59).is_empty());
        assert_eq!(at(&mut watcher, &owners, 60), owners[..1]);
    }

    #[test]
    fn a_heartbeat_begins_the_lease_anew() {
        let mut watcher = Watcher::default();
        let mut owners = [owner(OwnerState::Alive)];
        at(&mut watcher, &owners, 0);
        owners[0].heartbeat += chrono::TimeDelta::seconds(1);
        assert!(at(&mut watcher, &owners, 50).is_empty());
        assert!(at(&mut watcher, &owners, 100).is_empty());
        assert_eq!(at(&mut watcher, &owners, 110), owners);
    }

    #[test]
    fn a_slow_answer_does_not_shorten_the_lease() {
        let mut watcher = Watcher::default();
        let owners = [owner(OwnerState::Alive)];
        let seconds = Duration::from_secs;
        watcher.watch(&owners, seconds(0), seconds(9));
        assert!(
            watcher.watch(&owners, seconds(60), seconds(70)).is_empty(),
            "since 9 at the latest"
        );
        assert!(watcher.watch(&owners, seconds(68), seconds(90)).is_empty());
        assert_eq!(watcher.watch(&owners, seconds(69), seconds(69)), owners);
    }

    #[test]
    fn what_is_left_out_does_not_count() {
        let mut watcher = Watcher::default();
        let owners = [owner(OwnerState::Alive)];
        at(&mut watcher, &owners, 0);
        watcher.leave_out(Duration::from_secs(30));
        assert!(at(&mut watcher, &owners, 89).is_empty());
        assert_eq!(at(&mut watcher, &owners, 90), owners);
    }

    #[test]
    fn an_interruption_begins_the_watching_anew() {
        let mut watcher = Watcher::default();
        let owners = [owner(OwnerState::Alive)];
        at(&mut watcher, &owners, 0);
        watcher.interrupt();
        assert!(at(&mut watcher, &owners, 70).is_empty());
        assert!(at(&mut watcher, &owners, 129).is_empty());
        assert_eq!(at(&mut watcher, &owners, 130), owners);
    }
}
