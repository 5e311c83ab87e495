//! How many instances of each job are queued or running.

use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use hashbrown::{DefaultHashBuilder, HashMap};

use super::{Scheduler, lock};

/// A job in a store; the number stands for the store's alias.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct InstanceKey {
    pub(super) store: u32,
    pub(super) job_id: Arc<str>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slots {
    count: u32,
    /// The running instance catches up, and more of its run times wait in the store.
    catching_up: bool,
}

/// Locks are held for a look-up only; several, so that workers that end runs do not queue for one.
const SHARDS: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Instances {
    shards: [Mutex<HashMap<InstanceKey, Slots>>; SHARDS],
    hasher: DefaultHashBuilder,
    /// How many jobs catch up: nearly always none, and then nobody looks.
    catching_up: AtomicUsize,
}

impl Instances {
    fn shard(&self, key: &InstanceKey) -> &Mutex<HashMap<InstanceKey, Slots>> {
        #[expect(clippy::cast_possible_truncation, reason = "any bits will do")]
        let hash = self.hasher.hash_one(key) as usize;
        &self.shards[hash % SHARDS]
    }

    /// Takes a slot, unless `max` are taken.
    pub(super) fn acquire(&self, key: &InstanceKey, max: u32, catching_up: bool) -> bool {
        let mut shard = lock(self.shard(key));
        let entry = shard.entry(key.clone()).or_default();
        let free = entry.count < max;
        if free {
            entry.count += 1;
            if catching_up && !std::mem::replace(&mut entry.catching_up, true) {
                self.catching_up.fetch_add(1, Ordering::SeqCst);
            }
        }
        free
    }

    /// Frees a slot. Says whether more run times of the instance wait in the store.
    pub(super) fn release(&self, key: &InstanceKey) -> bool {
        let mut shard = lock(self.shard(key));
        let Some(entry) = shard.get_mut(key) else {
            return false;
        };
        let caught_up = std::mem::take(&mut entry.catching_up);
        if caught_up {
            self.catching_up.fetch_sub(1, Ordering::SeqCst);
        }
        entry.count -= 1;
        if entry.count == 0 {
            shard.remove(key);
        }
        caught_up
    }

    /// How many slots are taken, of all jobs.
    fn taken(&self) -> usize {
        let count = |slots: &Slots| slots.count as usize;
        self.shards.iter().map(|shard| lock(shard).values().map(count).sum::<usize>()).sum()
    }

    pub(super) fn is_catching_up(&self, key: &InstanceKey) -> bool {
        self.catching_up.load(Ordering::SeqCst) > 0
            && lock(self.shard(key)).get(key).is_some_and(|entry| entry.catching_up)
    }
}

impl Scheduler {
    /// How many instances of jobs are queued or running, on all executors. Those of executors that were removed and of
    /// jobs that have finished count too.
    pub fn instances(&self) -> usize {
        self.0.instances.taken()
    }
}
