//! What happened, as a scheduler's listener heard it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use apscheduler_core::event::{Event, EventMask};
use apscheduler_engine::Scheduler;
use serde_json::json;

use crate::patience::DEADLINE;

/// The events of a scheduler, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct Events(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    heard: Mutex<Heard>,
    more: Condvar,
}

/// What was heard so far.
#[derive(Debug, Default)]
pub struct Heard {
    /// All of it, in order.
    pub events: Vec<Event>,
    /// How many of these tell how a run time ended.
    pub outcomes: usize,
}

const OUTCOME: EventMask =
    EventMask::JOB_EXECUTED.union(EventMask::JOB_ERROR).union(EventMask::JOB_MISSED);

impl Heard {
    /// How the run times of a job ended.
    pub fn outcomes_of(&self, id: &str) -> Vec<Event> {
        self.of(id, OUTCOME)
    }

    /// The events about a job.
    pub fn of(&self, id: &str, mask: EventMask) -> Vec<Event> {
        let of_job = |event: &&Event| {
            mask.contains(event.code()) && event.job().is_some_and(|job| job.id() == id)
        };
        self.events.iter().filter(of_job).cloned().collect()
    }
}

impl Events {
    /// All events of a scheduler from now on.
    pub fn of(scheduler: &Scheduler) -> Self {
        let events = Self::default();
        let heard = events.clone();
        scheduler.add_listener(EventMask::ALL, move |event| heard.push(event));
        events
    }

    fn push(&self, event: &Event) {
        let mut heard = self.heard();
        heard.outcomes += usize::from(OUTCOME.contains(event.code()));
        heard.events.push(event.clone());
        drop(heard);
        self.0.more.notify_all();
    }

    /// What was heard so far.
    pub fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the run times of a job have ended so far.
    pub fn outcomes_of(&self, id: &str) -> Vec<Event> {
        self.heard().outcomes_of(id)
    }

    /// How many events of this sort a job had so far.
    pub fn count(&self, id: &str, mask: EventMask) -> usize {
        self.heard().of(id, mask).len()
    }

    /// Returns when this much was heard.
    ///
    /// # Panics
    /// Where it is not heard.
    pub fn wait(&self, what: &str, mut met: impl FnMut(&Heard) -> bool) {
        let until = Instant::now() + DEADLINE;
        let mut heard = self.heard();
        while !met(&heard) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let last: Vec<String> = heard
                    .events
                    .iter()
                    .rev()
                    .take(20)
                    .map(|event| json!(event).to_string())
                    .collect();
                let count = heard.events.len();
                drop(heard);
                panic!(
                    "waited in vain: {what}; of {count} events the last were, backwards: {last:#?}"
                );
            }
            heard = self.0.more.wait_timeout(heard, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Returns when an event of this sort was heard.
    ///
    /// # Panics
    /// Where it is not heard.
    pub fn wait_for_any(&self, mask: EventMask) {
        self.wait(&format!("one of {mask:?}"), |heard| {
            heard.events.iter().any(|event| mask.contains(event.code()))
        });
    }

    /// The sorts of all events so far, in order.
    pub fn codes(&self) -> Vec<EventMask> {
        self.heard().events.iter().map(Event::code).collect()
    }

    /// The ends of so many run times of a job, when there are as many.
    ///
    /// # Panics
    /// Where there are too few for long, or too many.
    pub fn wait_for(&self, id: &str, count: usize) -> Vec<Event> {
        let what = format!("{count} run times of the job {id} have ended");
        self.wait(&what, |heard| heard.outcomes_of(id).len() >= count);
        let outcomes = self.outcomes_of(id);
        assert_eq!(outcomes.len(), count, "more ends than run times: {outcomes:#?}");
        outcomes
    }

    /// Returns when so many run times of all jobs have ended.
    ///
    /// # Panics
    /// Where that does not happen.
    pub fn wait_for_all(&self, count: usize) {
        self.wait(&format!("{count} run times have ended"), |heard| heard.outcomes >= count);
    }
}
