//! A random delay for one run.

use std::time::Duration;

use apscheduler_core::options::number_text;
use apscheduler_core::time::Timestamp;
use apscheduler_core::trigger::{Trigger, TriggerConfig};
use apscheduler_core::{Error, ErrorKind};
use chrono::TimeDelta;
use serde::Deserialize;

use crate::seconds;

/// The longest delay, in microseconds; zero is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct Jitter(i64);

impl Jitter {
    /// `base` with a random delay, but not later than `latest`.
    ///
    /// All delays that end by then are equally likely: cutting longer ones would make many runs start at `latest`.
    pub(crate) fn delay(self, base: Timestamp, latest: Timestamp) -> Timestamp {
        if self.0 == 0 {
            return base;
        }
        let most = (latest - base).num_microseconds().unwrap_or(i64::MAX).min(self.0);
        let delay = TimeDelta::microseconds(fastrand::i64(0..=most.max(0)));
        base.checked_add_signed(delay).unwrap_or(base)
    }

    /// Whether runs are not delayed.
    pub(crate) fn is_off(self) -> bool {
        self.0 == 0
    }

    /// Adds the option `jitter`, where there is one.
    pub(crate) fn write(self, config: TriggerConfig) -> TriggerConfig {
        if self.is_off() { config } else { config.option("jitter", seconds::option(self.0)) }
    }
}

/// The fire that belongs to a grid time: delayed, but neither after `latest` nor up to the next grid time.
///
/// A delay that passed the next grid time would hide it, since the next fire is the first after the delayed one.
pub(crate) fn fire_at(trigger: &dyn Trigger, grid_time: Timestamp, latest: Timestamp) -> Timestamp {
    let fire = trigger.add_jitter(grid_time, latest);
    if fire == grid_time {
        return fire;
    }
    let next = trigger.next_grid_time(Some(grid_time), grid_time);
    let before = next.and_then(|next| next.checked_sub_signed(TimeDelta::microseconds(1)));
    match before {
        // Drawing again keeps the delays that fit equally likely.
        Some(before) if fire > before => trigger.add_jitter(grid_time, before.max(grid_time)),
        _ => fire,
    }
}

impl From<Duration> for Jitter {
    fn from(longest: Duration) -> Self {
        Self(i64::try_from(longest.as_micros()).unwrap_or(i64::MAX))
    }
}

impl TryFrom<f64> for Jitter {
    type Error = Error;

    fn try_from(longest: f64) -> Result<Self, Error> {
        match seconds::micros(longest, 1) {
            Ok(micros) if micros >= 0 => Ok(Self(micros)),
            _ => Err(Error::new(
                ErrorKind::InvalidTrigger,
                format!(
                    "expected a number of seconds from zero up, found {}",
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
        let jitter = Jitter::try_from(2.5).unwrap();
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
        let error = Jitter::try_from(-1.0).unwrap_err().to_string();
        assert_eq!(error, "expected a number of seconds from zero up, found -1");
    }
}
