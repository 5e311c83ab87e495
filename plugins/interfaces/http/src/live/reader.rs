//! Reads the ring.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use apscheduler_core::event::Event;
use tokio::sync::watch;

use super::Filter;
use super::entry::Entry;
use super::ring::Ring;

/// How many events are taken at once.
const BATCH: usize = 64;

/// How long a reader that was woken waits for more, so that a thousand readers are not woken a thousand times a second.
const PAUSE: Duration = Duration::from_millis(20);

/// A place in the ring.
#[derive(Debug)]
pub(crate) struct Reader {
    ring: Arc<Ring>,
    changed: watch::Receiver<()>,
    next: u64,
    taken: VecDeque<Arc<Entry>>,
    filter: Filter,
    feed: String,
    readers: Arc<AtomicUsize>,
    has_ended: bool,
}

/// What a reader is told.
#[derive(Debug)]
pub(crate) enum Told {
    /// An event.
    Event(Arc<Entry>),
    /// That events were gone before it could read them, so that it has to read everything anew.
    Resync {
        /// How many, at least.
        missed: u64,
    },
}

impl Reader {
    pub(super) fn new(
        ring: Arc<Ring>,
        next: u64,
        filter: Filter,
        feed: String,
        readers: Arc<AtomicUsize>,
    ) -> Self {
        let changed = ring.subscribe();
        Self {
            ring,
            changed,
            next,
            taken: VecDeque::new(),
            filter,
            feed,
            readers,
            has_ended: false,
        }
    }

    /// Returns what comes next; `None` after the scheduler was shut down.
    pub(crate) async fn next(&mut self) -> Option<Told> {
        loop {
            if self.has_ended {
                return None;
            }
            while let Some(entry) = self.taken.pop_front() {
                self.has_ended = matches!(entry.event, Event::SchedulerShutdown);
                if self.filter.wants(&entry.event) {
                    return Some(Told::Event(entry));
                }
                if self.has_ended {
                    return None;
                }
            }
            // Noted before reading, so that nothing that comes afterwards is overlooked.
            self.changed.mark_unchanged();
            let batch = self.ring.read(self.next, BATCH);
            self.next = batch.next;
            if batch.missed > 0 {
                return Some(Told::Resync { missed: batch.missed });
            }
            if !batch.entries.is_empty() {
                self.taken.extend(batch.entries);
                continue;
            }
            self.changed.changed().await.ok()?;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Returns the identifier of an event, from which another reader can go on.
    pub(crate) fn id_of(&self, entry: &Entry) -> String {
        format!("{}:{}", self.feed, entry.number)
    }

    /// Returns the identifier of the last event before what comes.
    pub(crate) fn id_before_next(&self) -> String {
        format!("{}:{}", self.feed, self.next.saturating_sub(1))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.readers.fetch_sub(1, Ordering::Relaxed);
    }
}
