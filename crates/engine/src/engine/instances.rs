//! Counts the queued and running instances of each job.

use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use hashbrown::{DefaultHashBuilder, HashMap};

use super::lock::lock;

/// A job in a store; the number identifies the store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct InstanceKey {
    pub(super) store: u32,
    pub(super) job_id: Arc<str>,
}

// As small as it goes: many runs wait in queues.
#[derive(Clone, Copy, Debug, Default)]
struct Slots {
    count: u32,
    /// How many of them belong to a backfill.
    backfills: u16,
    /// One of the instances is catching up, and more of its run times wait in the store.
    catching_up: bool,
}

/// Locks are held only for a look-up. There are several, so that workers that end runs do not
/// contend for one.
const SHARDS: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Instances {
    shards: [Mutex<HashMap<InstanceKey, Slots>>; SHARDS],
    hasher: DefaultHashBuilder,
    /// The number of jobs that are catching up. It is usually zero, which makes the check cheap.
    catching_up: AtomicUsize,
}

impl Instances {
    fn shard(&self, key: &InstanceKey) -> &Mutex<HashMap<InstanceKey, Slots>> {
        #[expect(clippy::cast_possible_truncation, reason = "any bits will do")]
        let hash = self.hasher.hash_one(key) as usize;
        &self.shards[hash % SHARDS]
    }

    /// Takes a slot, unless `max` slots are taken.
    pub(super) fn acquire(&self, key: &InstanceKey, max: u32, catching_up: bool) -> bool {
        let mut shard = lock(self.shard(key));
        let entry = shard.entry(key.clone()).or_default();
        if entry.count >= max {
            return false;
        }
        entry.count += 1;
        if catching_up && !std::mem::replace(&mut entry.catching_up, true) {
            self.catching_up.fetch_add(1, Ordering::SeqCst);
        }
        true
    }

    /// Frees a slot.
    pub(super) fn free(&self, key: &InstanceKey, is_backfill: bool) {
        self.change(key, |slots| {
            slots.count = slots.count.saturating_sub(1);
            slots.backfills = slots.backfills.saturating_sub(is_backfill.into());
        });
    }

    /// Notes that a slot was taken by a run of a backfill.
    pub(super) fn note_backfill(&self, key: &InstanceKey) {
        self.change(key, |slots| slots.backfills = slots.backfills.saturating_add(1));
    }

    /// Returns whether a run of a backfill has taken a slot of a job.
    pub(super) fn has_backfill(&self, key: &InstanceKey) -> bool {
        lock(self.shard(key)).get(key).is_some_and(|slots| slots.backfills > 0)
    }

    /// Notes that a run that catches up waits for a slot: its next batch has to wait too.
    pub(super) fn begin_catch_up_batch(&self, key: &InstanceKey) {
        let mut shard = lock(self.shard(key));
        let entry = shard.entry(key.clone()).or_default();
        if !std::mem::replace(&mut entry.catching_up, true) {
            self.catching_up.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Notes that the run that caught up has ended: the next batch may follow.
    pub(super) fn end_catch_up_batch(&self, key: &InstanceKey) {
        self.change(key, |slots| {
            if std::mem::take(&mut slots.catching_up) {
                self.catching_up.fetch_sub(1, Ordering::SeqCst);
            }
        });
    }

    fn change(&self, key: &InstanceKey, change: impl FnOnce(&mut Slots)) {
        let mut shard = lock(self.shard(key));
        if let Some(slots) = shard.get_mut(key) {
            change(slots);
            if slots.count == 0 && !slots.catching_up {
                shard.remove(key);
            }
        }
    }

    /// Returns the number of slots taken by all jobs.
    pub(super) fn taken(&self) -> usize {
        let count = |slots: &Slots| slots.count as usize;
        self.shards.iter().map(|shard| lock(shard).values().map(count).sum::<usize>()).sum()
    }

    pub(super) fn is_catching_up(&self, key: &InstanceKey) -> bool {
        self.catching_up.load(Ordering::SeqCst) > 0
            && lock(self.shard(key)).get(key).is_some_and(|entry| entry.catching_up)
    }
}
