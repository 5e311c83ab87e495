//! Which records are kept, and for how long.

use std::time::Duration;

use chrono::TimeDelta;

use crate::run::RunId;
use crate::time::Timestamp;

/// Which records are kept, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retention {
    /// How long the records of runs that succeeded are kept. Default: 3 days.
    pub ok_age: Duration,
    /// How long all other records are kept. Default: 90 days.
    pub other_age: Duration,
    /// The most records of runs that succeeded. Default: 100,000.
    pub max_ok: usize,
    /// How many of the latest records of each job are kept in any case. Default: 20.
    pub keep_last: usize,
}

impl Default for Retention {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self { ok_age: 3 * DAY, other_age: 90 * DAY, max_ok: 100_000, keep_last: 20 }
    }
}

impl Retention {
    /// Returns the run before which records of runs that succeeded are too old.
    pub fn ok_before(&self, now: Timestamp) -> RunId {
        first_kept(now, self.ok_age)
    }

    /// Returns the run before which all other records are too old.
    pub fn other_before(&self, now: Timestamp) -> RunId {
        first_kept(now, self.other_age)
    }

    /// Returns the time of the last sign of life before which owners that have ended or died are too old.
    pub fn owners_before(&self, now: Timestamp) -> Timestamp {
        earlier(now, self.other_age)
    }

    /// Sets how long the records of runs that succeeded are kept.
    #[must_use]
    pub fn ok_age(mut self, age: Duration) -> Self {
        self.ok_age = age;
        self
    }

    /// Sets how long all other records are kept.
    #[must_use]
    pub fn other_age(mut self, age: Duration) -> Self {
        self.other_age = age;
        self
    }

    /// Sets the most records of runs that succeeded.
    #[must_use]
    pub fn max_ok(mut self, count: usize) -> Self {
        self.max_ok = count;
        self
    }

    /// Sets how many of the latest records of each job are kept in any case.
    #[must_use]
    pub fn keep_last(mut self, count: usize) -> Self {
        self.keep_last = count;
        self
    }
}

fn first_kept(now: Timestamp, age: Duration) -> RunId {
    RunId::first_of(earlier(now, age))
}

fn earlier(now: Timestamp, age: Duration) -> Timestamp {
    let age = TimeDelta::from_std(age).ok();
    age.and_then(|age| now.checked_sub_signed(age)).unwrap_or(Timestamp::MIN_UTC)
}
