//! A random delay for one run.

use std::time::Duration;

use apscheduler_core::options::{Seconds, number_text};
use apscheduler_core::time::{Timestamp, duration_to_micros};
use apscheduler_core::trigger::Trigger;
use apscheduler_core::{Error, ErrorKind};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize, Serializer};

use crate::seconds;

/// The longest delay, in microseconds; zero means none. Options have it in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Seconds")]
pub(crate) struct Jitter(i64);

impl Jitter {
    /// Returns `base` with a random delay, but not later than `latest`.
    ///
    /// All delays that end by then are equally likely. Clamping longer ones would make many runs start at `latest`.
    pub(crate) fn delay(self, base: Timestamp, latest: Timestamp) -> Timestamp {
        if self.0 == 0 {
            return base;
        }
        let most = (latest - base).num_microseconds().unwrap_or(i64::MAX).min(self.0);
        let delay = TimeDelta::microseconds(fastrand::i64(0..=most.max(0)));
        base.checked_add_signed(delay).unwrap_or(base)
    }

    /// Returns whether runs are not delayed.
    pub(crate) fn is_off(self) -> bool {
        self.0 == 0
    }

    /// Returns the option `jitter`, which is left out if runs are not delayed.
    pub(crate) fn option(self) -> Option<Self> {
        (!self.is_off()).then_some(self)
    }
}

/// Returns the fire time for a grid time: delayed, but not later than `latest`, and earlier than the next grid time.
///
/// A delay beyond the next grid time would hide it, because the next fire is the first one after the delayed one.
pub(crate) fn fire_at(trigger: &dyn Trigger, grid_time: Timestamp, latest: Timestamp) -> Timestamp {
    let fire = trigger.add_jitter(grid_time, latest);
    if fire == grid_time {
        return fire;
    }
    let next = trigger.next_grid_time(Some(grid_time), grid_time);
    let before = next.and_then(|next| next.checked_sub_signed(TimeDelta::microseconds(1)));
    match before {
        // Draws again, so that all delays that fit are equally likely.
        Some(before) if fire > before => trigger.add_jitter(grid_time, before.max(grid_time)),
        _ => fire,
    }
}

impl From<Duration> for Jitter {
    fn from(longest: Duration) -> Self {
        Self(duration_to_micros(longest))
    }
}

impl Serialize for Jitter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        seconds::serialize_micros(self.0, serializer)
    }
}

impl TryFrom<Seconds> for Jitter {
    type Error = Error;

    fn try_from(Seconds(longest): Seconds) -> Result<Self, Error> {
        match seconds::micros(longest, 1) {
            Ok(micros) if micros >= 0 => Ok(Self(micros)),
            _ => Err(Error::new(
                ErrorKind::InvalidTrigger,
                format!(
                    "expected a number of seconds that is not negative, found {}",
                    number_text(longest)
                ),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_stays_within_its_bounds() {
        let base = Timestamp::UNIX_EPOCH;
        let jitter = Jitter::try_from(Seconds(2.5)).unwrap();
        let longest = TimeDelta::milliseconds(2500);
        for _ in 0..1000 {
            let delay = jitter.delay(base, Timestamp::MAX_UTC) - base;
            assert!(delay >= TimeDelta::zero() && delay <= longest, "{delay}");
        }
        assert_eq!(jitter.delay(base, base), base);
        assert_eq!(Jitter::default().delay(base, Timestamp::MAX_UTC), base);
        assert_eq!(jitter.delay(Timestamp::MAX_UTC, Timestamp::MAX_UTC), Timestamp::MAX_UTC);
    }

    #[test]
    fn a_negative_delay_is_an_error() {
        let error = Jitter::try_from(Seconds(-1.0)).unwrap_err().to_string();
        assert_eq!(error, "expected a number of seconds that is not negative, found -1");
    }
}
