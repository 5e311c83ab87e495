//! A random delay for one run.

use std::time::Duration;

use apscheduler_core::time::Timestamp;
use apscheduler_core::trigger::TriggerConfig;
use apscheduler_core::{Error, ErrorKind};
use chrono::TimeDelta;
use serde::Deserialize;

use crate::seconds;

/// The longest delay, in microseconds; zero is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct Jitter(i64);

impl Jitter {
    /// `base` with a random delay, but not later than `latest`, which is not before `base`.
    pub(crate) fn delay(self, base: Timestamp, latest: Option<Timestamp>) -> Timestamp {
        if self.0 == 0 {
            return base;
        }
        let delay = TimeDelta::microseconds(fastrand::i64(0..=self.0));
        let delayed = base.checked_add_signed(delay).unwrap_or(base);
        latest.map_or(delayed, |latest| delayed.min(latest))
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
                format!("expected a number of seconds from zero up, found {longest}"),
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
            let delay = jitter.delay(base, None) - base;
            assert!(delay >= TimeDelta::zero() && delay <= longest, "{delay}");
        }
        assert_eq!(jitter.delay(base, Some(base)), base);
        assert_eq!(Jitter::default().delay(base, None), base);
        assert_eq!(jitter.delay(Timestamp::MAX_UTC, None), Timestamp::MAX_UTC);
    }

    #[test]
    fn a_negative_delay_is_an_error() {
        let error = Jitter::try_from(-1.0).unwrap_err().to_string();
        assert_eq!(error, "expected a number of seconds from zero up, found -1");
    }
}
