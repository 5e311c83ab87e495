//! The last events, for all readers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use apscheduler_core::event::Event;
use apscheduler_core::time::Timestamp;
use tokio::sync::watch;

use super::entry::Entry;

/// The last events. Writing never waits for a reader.
#[derive(Debug)]
pub(super) struct Ring {
    entries: Mutex<Entries>,
    capacity: usize,
    /// Wakes readers that wait.
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Entries {
    last: VecDeque<Arc<Entry>>,
    /// The number of the next one, from 1.
    next: u64,
}

/// What a reader gets.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) entries: Vec<Arc<Entry>>,
    /// Where the reader goes on.
    pub(super) next: u64,
    /// How many were gone before they were read.
    pub(super) missed: u64,
}

impl Ring {
    pub(super) fn new(capacity: usize) -> Self {
        let entries = Entries { last: VecDeque::new(), next: 1 };
        Self { entries: Mutex::new(entries), capacity, changed: watch::Sender::new(()) }
    }

    pub(super) fn push(&self, time: Timestamp, event: &Event) {
        let dropped = {
            let mut entries = self.entries();
            let entry = Entry::new(entries.next, time, event);
            entries.next += 1;
            entries.last.push_back(Arc::new(entry));
            if entries.last.len() > self.capacity { entries.last.pop_front() } else { None }
        };
        // Values of users are dropped outside of the lock.
        drop(dropped);
        self.changed.send_replace(());
    }

    /// Returns the number that the next event gets.
    pub(super) fn next(&self) -> u64 {
        self.entries().next
    }

    /// Returns up to `limit` events from a number on. If that is gone, or was never given, a reader goes on with what comes.
    pub(super) fn read(&self, from: u64, limit: usize) -> Batch {
        let entries = self.entries();
        let oldest = entries.next - entries.last.len() as u64;
        if from < oldest || from > entries.next {
            let missed = entries.next.saturating_sub(from);
            return Batch { entries: Vec::new(), next: entries.next, missed: missed.max(1) };
        }
        let skipped = usize::try_from(from - oldest).unwrap_or(usize::MAX);
        let found: Vec<_> = entries.last.iter().skip(skipped).take(limit).cloned().collect();
        Batch { next: from + found.len() as u64, entries: found, missed: 0 }
    }

    /// Returns what tells when there is more to read.
    pub(super) fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(batch: &Batch) -> Vec<u64> {
        batch.entries.iter().map(|entry| entry.number).collect()
    }

    #[test]
    fn it_keeps_the_last_events_and_says_how_many_are_gone() {
        let ring = Ring::new(3);
        let push = || ring.push(Timestamp::UNIX_EPOCH, &Event::SchedulerStarted);
        assert_eq!(ring.read(1, 9).missed, 0);
        (0..5).for_each(|_| push());
        assert_eq!(numbers(&ring.read(3, 9)), [3, 4, 5]);
        assert_eq!(numbers(&ring.read(4, 1)), [4]);
        let late = ring.read(2, 9);
        assert_eq!((late.missed, late.next, late.entries.len()), (4, 6, 0));
        let unknown = ring.read(7, 9);
        assert_eq!((unknown.missed, unknown.next), (1, 6));
        assert_eq!((ring.read(6, 9).missed, ring.read(6, 9).next), (0, 6));
    }
}
