//! Helpers of this suite: a scheduler, and a list of its events.

use std::sync::{Arc, Mutex};

use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::function::JobError;
use apscheduler_core::registry::Registry;
use apscheduler_core::time::Timestamp;
use apscheduler_testkit::SteppedScheduler;
use apscheduler_triggers::IntervalTrigger;

pub(crate) const START: &str = "2027-01-01T00:00:00Z";

/// Returns a scheduler whose clock shows [`START`].
pub(crate) fn scheduler() -> SteppedScheduler {
    let registry = apscheduler_testkit::registry();
    fill(&registry);
    SteppedScheduler::new(registry, START)
}

/// Registers the triggers, and the functions `tests::ok`, `tests::broken` and `tests::add`.
pub(crate) fn fill(registry: &Registry) {
    for plugin in apscheduler_triggers::PLUGINS {
        registry.register((*plugin).clone()).unwrap();
    }
    registry.register_function("tests::ok", || ()).unwrap();
    let broken = || -> Result<(), JobError> { Err(JobError::new("broken")) };
    registry.register_function("tests::broken", broken).unwrap();
    registry.register_function("tests::add", |left: i64, right: i64| left + right).unwrap();
}

/// Returns the instant this many seconds after [`START`].
pub(crate) fn at(seconds: i64) -> Timestamp {
    START.parse::<Timestamp>().unwrap() + chrono::TimeDelta::seconds(seconds)
}

/// Returns a trigger that fires every `seconds`, first that long after [`START`].
pub(crate) fn every(seconds: u64) -> IntervalTrigger {
    IntervalTrigger::every(std::time::Duration::from_secs(seconds))
        .start_date(at(i64::try_from(seconds).unwrap()))
        .timezone(chrono::Utc)
}

/// The events of a scheduler, as text.
#[derive(Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<Vec<Event>>>);

impl Recorder {
    pub(crate) fn on(scheduler: &SteppedScheduler, mask: EventMask) -> Self {
        let recorder = Self::default();
        let events = recorder.clone();
        scheduler.add_listener(mask, move |event| events.0.lock().unwrap().push(event.clone()));
        recorder
    }

    pub(crate) fn all(scheduler: &SteppedScheduler) -> Self {
        Self::on(scheduler, EventMask::ALL)
    }

    pub(crate) fn take(&self) -> Vec<Event> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// Returns `NAME` or `NAME id` of each event since the last call.
    pub(crate) fn names(&self) -> Vec<String> {
        let name = |event: &Event| match event.job() {
            Some(job) => format!("{} {}", event.name(), job.id()),
            None => event.name().to_owned(),
        };
        self.take().iter().map(name).collect()
    }
}
