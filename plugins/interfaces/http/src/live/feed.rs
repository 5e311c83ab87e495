//! Feeds the ring and the metrics from the scheduler.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::run::OwnerId;
use apscheduler_engine::{ListenerId, Scheduler};

use super::Filter;
use super::reader::Reader;
use super::ring::Ring;
use crate::metrics::Meters;

/// How many events are kept for readers.
const CAPACITY: usize = 4096;

/// The most readers at the same time.
const MOST_READERS: usize = 4096;

/// The one listener of a router, with the ring and the meters that it feeds.
pub(crate) struct Feed {
    scheduler: Scheduler,
    listener: ListenerId,
    ring: Arc<Ring>,
    meters: Arc<Meters>,
    readers: Arc<AtomicUsize>,
    /// Tells the numbers of this ring from those of others.
    id: String,
}

impl Feed {
    pub(crate) fn new(scheduler: &Scheduler, meters: Meters) -> Self {
        let (ring, meters) = (Arc::new(Ring::new(CAPACITY)), Arc::new(meters));
        let (pushed, counted) = (Arc::clone(&ring), Arc::clone(&meters));
        let clock = Arc::clone(scheduler.clock());
        let listener = scheduler.add_listener(EventMask::ALL, move |event: &Event| {
            counted.count(event);
            pushed.push(clock.now(), event);
        });
        let (scheduler, id) = (scheduler.clone(), OwnerId::random().to_string());
        Self { scheduler, listener, ring, meters, readers: Arc::default(), id }
    }

    pub(crate) fn meters(&self) -> &Meters {
        &self.meters
    }

    /// Returns a reader of events that come, or that came after the one with the identifier `last`. `None` if there are too
    /// many readers.
    pub(crate) fn reader(&self, filter: Filter, last: Option<&str>) -> Option<Reader> {
        let before = self.readers.fetch_add(1, Ordering::Relaxed);
        // Counts itself back, also if there are too many.
        let reader = Reader::new(
            Arc::clone(&self.ring),
            self.place_after(last),
            filter,
            self.id.clone(),
            Arc::clone(&self.readers),
        );
        (before < MOST_READERS).then_some(reader)
    }

    fn place_after(&self, last: Option<&str>) -> u64 {
        let Some(last) = last else { return self.ring.next() };
        let number = last.rsplit_once(':').filter(|(id, _)| *id == self.id);
        let number = number.and_then(|(_, number)| number.parse::<u64>().ok());
        // Of another ring: that of an earlier process.
        number.map_or(0, |number| number.saturating_add(1))
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.scheduler.remove_listener(self.listener);
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("listener", &self.listener).finish_non_exhaustive()
    }
}
