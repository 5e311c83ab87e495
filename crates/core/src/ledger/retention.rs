//! Which records are kept, and for how long.

use std::time::Duration;

use chrono::TimeDelta;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::options::Seconds;
use crate::run::RunId;
use crate::time::Timestamp;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Which records are kept, for how long, and how much of each.
///
/// Schedulers that share a store should have the same: each removes what its own retention does not keep.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// use apscheduler_core::ledger::Retention;
/// use apscheduler_core::options::parse_value;
/// use serde_json::json;
///
/// let retention: Retention = parse_value("retention", &json!({"ok_age": "12h", "max_ok": 5000}))?;
/// assert_eq!(retention.ok_age, Duration::from_secs(12 * 60 * 60));
/// assert_eq!(retention, Retention::default().ok_age(retention.ok_age).max_ok(5000));
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Retention {
    /// How long the records of runs that succeeded are kept. Default: 3 days.
    #[serde(deserialize_with = "age")]
    pub ok_age: Duration,
    /// How long all other records are kept. Default: 90 days.
    #[serde(deserialize_with = "age")]
    pub other_age: Duration,
    /// The most records of runs that succeeded. Default: 100,000.
    pub max_ok: usize,
    /// How many of the latest records of each job are kept in any case. Default: 20.
    pub keep_last: usize,
    /// The longest return value that is recorded, in bytes of JSON; a longer one is cut. Default: 64 KiB.
    pub max_result: usize,
    /// The longest error that is recorded, in bytes; a longer one is cut. Default: 4 KiB.
    pub max_error: usize,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            ok_age: 3 * DAY,
            other_age: 90 * DAY,
            max_ok: 100_000,
            keep_last: 20,
            max_result: 64 * 1024,
            max_error: 4 * 1024,
        }
    }
}

fn age<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let age = Seconds::deserialize(deserializer)?;
    let positive = Duration::try_from_secs_f64(age.0).ok().filter(|age| !age.is_zero());
    positive.ok_or_else(|| {
        D::Error::custom(format!(
            "expected how long records are kept, such as \"3 days\" or a number of seconds above 0, found {}",
            age.0
        ))
    })
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

    /// Sets the longest return value that is recorded, in bytes of JSON.
    #[must_use]
    pub fn max_result(mut self, bytes: usize) -> Self {
        self.max_result = bytes;
        self
    }

    /// Sets the longest error that is recorded, in bytes.
    #[must_use]
    pub fn max_error(mut self, bytes: usize) -> Self {
        self.max_error = bytes;
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
