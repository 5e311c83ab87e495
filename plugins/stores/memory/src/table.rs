//! The records of a memory store: slots, found by id through a hash table and by run time through a heap.

use std::hash::BuildHasher as _;
use std::sync::Arc;

use chrono::DateTime;
use hashbrown::{DefaultHashBuilder, HashTable};

use crate::heap::{Heap, Node, Places, SlotId};
use apscheduler_core::store::{ClaimCursor, Cursor, JobPayload, JobRecord, TieBreaker};
use apscheduler_core::time::Timestamp;

/// The position of a paused job: not in the heap.
const NOWHERE: u32 = u32::MAX;
/// The time of a paused job: never.
const NEVER: i64 = i64::MAX;

#[derive(Debug, Default)]
pub(crate) struct Table {
    slots: Slots,
    free: Vec<SlotId>,
    by_id: HashTable<SlotId>,
    by_time: Heap,
    hasher: DefaultHashBuilder,
    /// The highest revision of all removed records. New records start after it, so that a handle to a removed job can't
    /// change a later one with the same id.
    removed: u32,
}

#[derive(Debug, Default)]
struct Slots(Vec<Slot>);

#[derive(Debug)]
struct Slot {
    record: Option<Stored>,
    /// In microseconds of the Unix epoch.
    time: i64,
    place: u32,
    revision: u32,
}

#[derive(Debug)]
struct Stored {
    id: Arc<str>,
    payload: JobPayload,
}

impl Places for Slots {
    fn set_place(&mut self, slot: SlotId, place: u32) {
        self.0[slot as usize].place = place;
    }
}

impl Slots {
    fn id(&self, slot: SlotId) -> &str {
        self.0[slot as usize].record.as_ref().map_or("", |stored| &stored.id)
    }
}

fn micros(time: Option<Timestamp>) -> i64 {
    time.map_or(NEVER, |time| time.timestamp_micros())
}

fn timestamp(micros: i64) -> Option<Timestamp> {
    (micros != NEVER).then(|| DateTime::from_timestamp_micros(micros)).flatten()
}

/// Returns the cursor after a node.
pub(crate) fn cursor(node: Node) -> Option<ClaimCursor> {
    let next_run_time = DateTime::from_timestamp_micros(node.time)?;
    Some(ClaimCursor::at_number(next_run_time, u64::from(node.slot)))
}

/// Returns the place of a cursor.
pub(crate) fn place_of(cursor: &ClaimCursor) -> (i64, SlotId) {
    match &cursor.tie_breaker {
        TieBreaker::Number(slot) => {
            (cursor.next_run_time.timestamp_micros(), SlotId::try_from(*slot).unwrap_or(NOWHERE))
        }
        // From another store: start over.
        TieBreaker::Id(_) => (i64::MIN, 0),
    }
}

impl Table {
    /// Removes all records. The caller must drop the result without holding a lock: that runs foreign code.
    pub(crate) fn clear(&mut self) -> impl Sized + use<> {
        let revisions = self.slots.0.iter().map(|slot| slot.revision);
        self.removed = revisions.max().unwrap_or_default().max(self.removed);
        let slots = std::mem::take(&mut self.slots.0);
        self.free = Vec::new();
        self.by_id = HashTable::new();
        self.by_time.clear();
        slots
    }

    pub(crate) fn reserve(&mut self, more: usize) {
        self.slots.0.reserve(more);
        self.by_time.reserve(more);
        let (slots, hasher) = (&self.slots, &self.hasher);
        self.by_id.reserve(more, |slot| hasher.hash_one(slots.id(*slot)));
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn find(&self, id: &str) -> Option<SlotId> {
        self.by_id.find(self.hasher.hash_one(id), |slot| self.slots.id(*slot) == id).copied()
    }

    pub(crate) fn record(&self, slot: SlotId) -> JobRecord {
        let entry = &self.slots.0[slot as usize];
        match &entry.record {
            Some(stored) => JobRecord::new(
                Arc::clone(&stored.id),
                timestamp(entry.time),
                u64::from(entry.revision),
                stored.payload.clone(),
            ),
            None => unreachable!("slot numbers come from the indexes, which hold live slots only"),
        }
    }

    pub(crate) fn revision(&self, slot: SlotId) -> u64 {
        u64::from(self.slots.0[slot as usize].revision)
    }

    /// Whether the slot still has the record with this revision, which is unique in a slot.
    pub(crate) fn holds(&self, slot: SlotId, revision: u64) -> bool {
        let entry = self.slots.0.get(slot as usize);
        entry.is_some_and(|entry| entry.record.is_some() && u64::from(entry.revision) == revision)
    }

    pub(crate) fn insert(
        &mut self,
        id: Arc<str>,
        next_run_time: Option<Timestamp>,
        payload: JobPayload,
    ) -> SlotId {
        let time = micros(next_run_time);
        let hash = self.hasher.hash_one(&*id);
        let revision = self.removed.wrapping_add(1);
        let slot = if let Some(slot) = self.free.pop() {
            let entry = &mut self.slots.0[slot as usize];
            entry.record = Some(Stored { id, payload });
            entry.time = time;
            entry.revision = revision;
            slot
        } else {
            let slot = SlotId::try_from(self.slots.0.len()).unwrap_or(NOWHERE);
            assert!(slot != NOWHERE, "a memory store holds less than 2^32 jobs");
            self.slots.0.push(Slot {
                record: Some(Stored { id, payload }),
                time,
                place: NOWHERE,
                revision,
            });
            slot
        };
        let (slots, hasher) = (&self.slots, &self.hasher);
        self.by_id.insert_unique(hash, slot, |slot| hasher.hash_one(slots.id(*slot)));
        if time != NEVER {
            self.by_time.push(Node { time, slot }, &mut self.slots);
        }
        slot
    }

    pub(crate) fn update(
        &mut self,
        slot: SlotId,
        next_run_time: Option<Timestamp>,
        payload: JobPayload,
    ) -> Option<JobPayload> {
        let stored = self.slots.0[slot as usize].record.as_mut();
        let before = stored.map(|stored| std::mem::replace(&mut stored.payload, payload));
        self.advance(slot, next_run_time);
        before
    }

    pub(crate) fn advance(&mut self, slot: SlotId, next_run_time: Option<Timestamp>) {
        let time = micros(next_run_time);
        let entry = &mut self.slots.0[slot as usize];
        let (place, before) = (entry.place, entry.time);
        entry.time = time;
        entry.revision = entry.revision.wrapping_add(1);
        match (before == NEVER, time == NEVER) {
            (true, true) => {}
            (true, false) => self.by_time.push(Node { time, slot }, &mut self.slots),
            (false, true) => {
                self.slots.0[slot as usize].place = NOWHERE;
                self.by_time.remove(place, &mut self.slots);
            }
            (false, false) => self.by_time.reposition(place, time, &mut self.slots),
        }
    }

    pub(crate) fn remove(&mut self, slot: SlotId) -> Option<JobPayload> {
        let hash = self.hasher.hash_one(self.slots.id(slot));
        if let Ok(entry) = self.by_id.find_entry(hash, |other| *other == slot) {
            entry.remove();
        }
        let entry = &mut self.slots.0[slot as usize];
        let place = entry.place;
        self.removed = self.removed.max(entry.revision);
        let stored = entry.record.take();
        entry.place = NOWHERE;
        if entry.time != NEVER {
            self.by_time.remove(place, &mut self.slots);
        }
        self.free.push(slot);
        stored.map(|stored| stored.payload)
    }

    pub(crate) fn next_run_time(&self, after: Option<Timestamp>) -> Option<Timestamp> {
        match after {
            None => self.by_time.first().and_then(|node| timestamp(node.time)),
            Some(after) => {
                self.by_time.earliest_after(after.timestamp_micros()).and_then(timestamp)
            }
        }
    }

    /// Returns the earliest node if it is due.
    pub(crate) fn first_due(&self, now: Timestamp) -> Option<Node> {
        self.by_time.first().filter(|node| node.time <= now.timestamp_micros())
    }

    /// Returns the earliest `limit` due nodes after `after`.
    pub(crate) fn due(
        &self,
        now: Timestamp,
        limit: usize,
        after: Option<(i64, SlotId)>,
    ) -> Vec<Node> {
        self.by_time.until(now.timestamp_micros(), limit, after)
    }

    pub(crate) fn page(&self, after: Option<&Cursor>, limit: usize) -> Vec<JobRecord> {
        let mut slots: Vec<(i64, SlotId)> = (self.by_id.iter())
            .map(|slot| (self.slots.0[*slot as usize].time, *slot))
            .filter(|(time, slot)| {
                after.is_none_or(|after| after.is_before(timestamp(*time), self.slots.id(*slot)))
            })
            .collect();
        let key = |(time, slot): &(i64, SlotId)| (*time, self.slots.id(*slot));
        if slots.len() > limit {
            slots.select_nth_unstable_by(limit, |left, right| key(left).cmp(&key(right)));
            slots.truncate(limit);
        }
        slots.sort_unstable_by(|left, right| key(left).cmp(&key(right)));
        slots.into_iter().map(|(_, slot)| self.record(slot)).collect()
    }
}
