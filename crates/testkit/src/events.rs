//! Records the events of a scheduler.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use apscheduler_core::event::{Event, EventMask};
use apscheduler_engine::Scheduler;
use serde_json::json;

use crate::patience::DEADLINE;

/// The events of a scheduler, in the order of their arrival.
#[derive(Clone, Debug, Default)]
pub struct Events(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    received: Mutex<Received>,
    more: Condvar,
}

/// The events received so far.
#[derive(Debug, Default)]
pub struct Received {
    /// All events, in order.
    pub events: Vec<Event>,
    /// The number of events that report the outcome of a run time.
    pub outcomes: usize,
}

const OUTCOME: EventMask =
    EventMask::JOB_EXECUTED.union(EventMask::JOB_ERROR).union(EventMask::JOB_MISSED);

impl Received {
    /// Returns the outcomes of a job's run times.
    pub fn outcomes_of(&self, id: &str) -> Vec<Event> {
        self.of(id, OUTCOME)
    }

    /// Returns the events about a job.
    pub fn of(&self, id: &str, mask: EventMask) -> Vec<Event> {
        let of_job = |event: &&Event| {
            mask.contains(event.code()) && event.job().is_some_and(|job| job.id() == id)
        };
        self.events.iter().filter(of_job).cloned().collect()
    }
}

impl Events {
    /// Records all events of a scheduler from now on.
    pub fn of(scheduler: &Scheduler) -> Self {
        let events = Self::default();
        let received = events.clone();
        scheduler.add_listener(EventMask::ALL, move |event| received.push(event));
        events
    }

    fn push(&self, event: &Event) {
        let mut received = self.received();
        received.outcomes += usize::from(OUTCOME.contains(event.code()));
        received.events.push(event.clone());
        drop(received);
        self.0.more.notify_all();
    }

    /// Returns the events received so far.
    pub fn received(&self) -> MutexGuard<'_, Received> {
        self.0.received.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the outcomes of a job's run times so far.
    pub fn outcomes_of(&self, id: &str) -> Vec<Event> {
        self.received().outcomes_of(id)
    }

    /// Returns how many events of these kinds a job has had so far.
    pub fn count(&self, id: &str, mask: EventMask) -> usize {
        self.received().of(id, mask).len()
    }

    /// Waits until the condition `met` holds.
    ///
    /// # Panics
    /// If it does not hold in time.
    pub fn wait(&self, what: &str, mut met: impl FnMut(&Received) -> bool) {
        let until = Instant::now() + DEADLINE;
        let mut received = self.received();
        while !met(&received) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let last: Vec<String> = received
                    .events
                    .iter()
                    .rev()
                    .take(20)
                    .map(|event| json!(event).to_string())
                    .collect();
                let count = received.events.len();
                drop(received);
                panic!(
                    "did not happen in time: {what}; the last of {count} events, latest first: {last:#?}"
                );
            }
            received =
                self.0.more.wait_timeout(received, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for an event of these kinds.
    ///
    /// # Panics
    /// If none arrives in time.
    pub fn wait_for_any(&self, mask: EventMask) {
        self.wait(&format!("one of {mask:?}"), |received| {
            received.events.iter().any(|event| mask.contains(event.code()))
        });
    }

    /// Returns the kinds of all events so far, in order.
    pub fn codes(&self) -> Vec<EventMask> {
        self.received().events.iter().map(Event::code).collect()
    }

    /// Waits for the outcomes of `count` run times of a job, and returns them.
    ///
    /// # Panics
    /// If there are too few in time, or too many.
    pub fn wait_for(&self, id: &str, count: usize) -> Vec<Event> {
        let what = format!("{count} run times of the job {id} have ended");
        self.wait(&what, |received| received.outcomes_of(id).len() >= count);
        let outcomes = self.outcomes_of(id);
        assert_eq!(outcomes.len(), count, "more ends than run times: {outcomes:#?}");
        outcomes
    }

    /// Waits until `count` run times of all jobs have ended.
    ///
    /// # Panics
    /// If that does not happen in time.
    pub fn wait_for_all(&self, count: usize) {
        self.wait(&format!("{count} run times have ended"), |received| received.outcomes >= count);
    }
}
