//! A trigger for tests.

use std::fmt;

use apscheduler_core::time::{Timestamp, Zone};
use apscheduler_core::trigger::{SerializeOptions, Trigger};
use chrono::TimeDelta;
use serde_json::json;

/// Fires a fixed number of times, a second apart. For stores that keep job objects: no registry
/// builds it.
#[derive(Clone, Debug)]
pub struct Times {
    first: Timestamp,
    count: usize,
}

impl Times {
    /// Returns a trigger that fires `count` times, starting at `first`.
    pub fn from(first: Timestamp, count: usize) -> Self {
        Self { first, count }
    }

    fn time(&self, number: usize) -> Timestamp {
        self.first + TimeDelta::seconds(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl Trigger for Times {
    fn next_fire_time(&self, previous: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let number = match previous {
            Some(previous) => (previous - self.first).num_seconds() + 1,
            None => (now - self.first).num_seconds(),
        };
        let number = usize::try_from(number).unwrap_or(0);
        (number < self.count).then(|| self.time(number))
    }

    fn kind(&self) -> &'static str {
        "times"
    }

    fn options(&self) -> Box<dyn SerializeOptions + '_> {
        Box::new(json!({"count": self.count}))
    }

    fn zone(&self, _fire_time: Timestamp) -> Zone {
        Zone::UTC
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "times[{} from {}]", self.count, self.first)
    }
}
