//! Whether and when a run that failed is tried again.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::duration;
use crate::function::JobError;
use crate::options::Seconds;

bitflags::bitflags! {
    /// Which failures are tried again.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct RetryOn: u8 {
        /// Errors and panics.
        const ERRORS = 1;
        /// Runs that took longer than their timeout.
        const TIMEOUTS = 2;
        /// Errors of which the function itself says so, with [`JobError::retry_after`].
        const RETRYABLE = 4;
    }
}

const WORDS: [(&str, RetryOn); 3] = [
    ("errors", RetryOn::ERRORS),
    ("timeouts", RetryOn::TIMEOUTS),
    ("retryable", RetryOn::RETRYABLE),
];

/// Whether and when a run that failed is tried again.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// use apscheduler_core::job::Retry;
///
/// let retry = Retry::new(4).delay(Duration::from_secs(10)).backoff(2.0).max_delay(Duration::from_secs(30));
/// let delays = [1, 2, 3].map(|attempt| retry.delay_after(attempt).as_secs());
/// assert_eq!(delays, [10, 20, 30]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Retry {
    /// The most attempts, with the first.
    pub max_attempts: u32,
    /// The pause before the second attempt. Default: 30 s.
    #[serde(serialize_with = "as_seconds")]
    pub delay: Duration,
    /// By which factor each further pause is longer than the last. Default: 1.
    pub backoff: f64,
    /// The longest pause. Default: one hour.
    #[serde(serialize_with = "as_seconds")]
    pub max_delay: Duration,
    /// The most that is added to a pause, at random. Default: 0.
    #[serde(serialize_with = "as_seconds")]
    pub jitter: Duration,
    /// Which failures are tried again. Default: all, unless the function says otherwise.
    pub on: RetryOn,
}

fn as_seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    Seconds::from(*time).serialize(serializer)
}

impl Retry {
    /// Up to this many attempts, with the first.
    pub const fn new(max_attempts: u32) -> Self {
        Self {
            max_attempts,
            delay: Duration::from_secs(30),
            backoff: 1.0,
            max_delay: Duration::from_secs(60 * 60),
            jitter: Duration::ZERO,
            on: RetryOn::all(),
        }
    }

    /// Sets the pause before the second attempt.
    #[must_use]
    pub const fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Sets by which factor each further pause is longer than the last.
    #[must_use]
    pub const fn backoff(mut self, factor: f64) -> Self {
        self.backoff = factor;
        self
    }

    /// Sets the longest pause.
    #[must_use]
    pub const fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// Sets the most that is added to a pause, at random.
    #[must_use]
    pub const fn jitter(mut self, jitter: Duration) -> Self {
        self.jitter = jitter;
        self
    }

    /// Sets which failures are tried again.
    #[must_use]
    pub const fn on(mut self, on: RetryOn) -> Self {
        self.on = on;
        self
    }

    /// Returns the pause after this attempt, without jitter.
    pub fn delay_after(&self, attempt: u32) -> Duration {
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = self.delay.as_secs_f64() * self.backoff.powi(exponent);
        Duration::try_from_secs_f64(seconds).unwrap_or(self.max_delay).min(self.max_delay)
    }

    /// Returns whether a run with this error is tried again, if attempts are left.
    pub fn wants(&self, error: &JobError) -> bool {
        let which = if error.is_timeout() {
            RetryOn::TIMEOUTS
        } else if error.delay().is_some() {
            RetryOn::RETRYABLE | RetryOn::ERRORS
        } else {
            RetryOn::ERRORS
        };
        !error.is_fatal() && !error.is_cancellation() && self.on.intersects(which)
    }

    pub(super) fn validate(&self) -> Result<(), String> {
        if self.max_attempts < 2 {
            return Err(format!(
                "`retry`: `max_attempts` must be at least 2, with the first attempt, found {}; without retries, leave \
                 `retry` out",
                self.max_attempts
            ));
        }
        if !(self.backoff >= 1.0 && self.backoff.is_finite()) {
            let found = crate::options::number_text(self.backoff);
            return Err(format!("`retry`: `backoff` must be a factor of 1 or more, found {found}"));
        }
        if self.max_delay < self.delay {
            return Err(format!(
                "`retry`: `max_delay` ({} s) must not be shorter than `delay` ({} s)",
                self.max_delay.as_secs_f64(),
                self.delay.as_secs_f64()
            ));
        }
        if self.on.is_empty() {
            return Err(
                "`retry`: `on` must name at least one of `errors`, `timeouts`, `retryable`"
                    .to_owned(),
            );
        }
        Ok(())
    }
}

/// The words of the failures.
impl Serialize for RetryOn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(
            WORDS.into_iter().filter(|(_, flag)| self.contains(*flag)).map(|(word, _)| word),
        )
    }
}

/// One word, or a list of words.
impl<'de> Deserialize<'de> for RetryOn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Words {
            One(String),
            Several(Vec<String>),
        }
        let words = match Words::deserialize(deserializer)? {
            Words::One(word) => vec![word],
            Words::Several(words) => words,
        };
        let mut on = Self::empty();
        for word in words {
            let Some((_, flag)) = WORDS.into_iter().find(|(name, _)| *name == word) else {
                return Err(D::Error::custom(format!(
                    "expected `errors`, `timeouts`, `retryable` or a list of these, found `{word}`"
                )));
            };
            on |= flag;
        }
        Ok(on)
    }
}

/// A table, or the most attempts alone.
impl<'de> Deserialize<'de> for Retry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            max_attempts: u32,
            delay: Option<Seconds>,
            backoff: Option<f64>,
            max_delay: Option<Seconds>,
            jitter: Option<Seconds>,
            on: Option<RetryOn>,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Given {
            Attempts(u32),
            Text(String),
            Table(serde_json::Map<String, serde_json::Value>),
        }
        let attempts = |text: &str| text.trim().parse().ok();
        let table = match Given::deserialize(deserializer).map_err(|_| {
            D::Error::custom("expected a number of attempts, or a table with `max_attempts`")
        })? {
            Given::Attempts(attempts) => return Ok(Self::new(attempts)),
            Given::Text(text) => {
                return attempts(&text).map(Self::new).ok_or_else(|| {
                    D::Error::custom(format!(
                        "expected a number of attempts, or a table with `max_attempts`, found text {text:?}"
                    ))
                });
            }
            Given::Table(table) => table,
        };
        let table: Table = crate::options::parse("retry", &table)
            .map_err(|error| D::Error::custom(error.message()))?;
        let mut retry = Self::new(table.max_attempts);
        if let Some(delay) = table.delay {
            retry.delay = duration(delay)?;
            // A longer delay than the longest pause by default is meant.
            retry.max_delay = retry.max_delay.max(retry.delay);
        }
        retry.backoff = table.backoff.unwrap_or(retry.backoff);
        if let Some(delay) = table.max_delay {
            retry.max_delay = duration(delay)?;
        }
        if let Some(jitter) = table.jitter {
            retry.jitter = duration(jitter)?;
        }
        retry.on = table.on.unwrap_or(retry.on);
        Ok(retry)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::options::parse_value;

    fn read(value: &Value) -> crate::Result<Retry> {
        parse_value("retry", value)
    }

    #[test]
    fn a_number_is_the_most_attempts() {
        for value in
            [json!(3), json!("3"), json!({"max_attempts": 3}), json!({"max_attempts": "3"})]
        {
            assert_eq!(read(&value).unwrap(), Retry::new(3), "{value}");
        }
    }

    #[test]
    fn times_have_units() {
        let retry =
            read(&json!({"max_attempts": 3, "delay": "2h", "jitter": "1m", "on": "timeouts"}));
        let retry = retry.unwrap();
        assert_eq!((retry.delay.as_secs(), retry.max_delay.as_secs()), (7200, 7200));
        assert_eq!((retry.jitter.as_secs(), retry.on), (60, RetryOn::TIMEOUTS));
    }

    #[test]
    fn wrong_values_are_explained() {
        let cases = [
            (json!("often"), "expected a number of attempts"),
            (json!({"max_attempts": 3, "dealy": 1}), "did you mean `delay`?"),
            (json!({"max_attempts": 3, "delay": -1}), "0 or more"),
            (json!({"max_attempts": 3, "on": ["error"]}), "expected `errors`, `timeouts`"),
            (json!({"delay": 3}), "max_attempts"),
        ];
        for (value, expected) in cases {
            let error = read(&value).unwrap_err().to_string();
            assert!(error.contains(expected), "{value}: {error}");
        }
        let wrong = [
            Retry::new(3).backoff(0.5),
            Retry::new(3).backoff(f64::NAN),
            Retry::new(3).max_delay(Duration::from_secs(1)),
            Retry::new(3).on(RetryOn::empty()),
        ];
        for retry in wrong {
            assert!(retry.validate().is_err(), "{retry:?}");
        }
    }

    #[test]
    fn the_function_may_decide() {
        let retry = Retry::new(3);
        let error = || JobError::new("no");
        assert!(retry.wants(&error()) && retry.wants(&error().at_timeout()));
        assert!(!retry.wants(&error().fatal()) && !retry.wants(&error().at_cancellation()));
        let asked = retry.on(RetryOn::RETRYABLE);
        assert!(!asked.wants(&error()));
        assert!(asked.wants(&error().retry_after(Duration::from_secs(1))));
        assert!(!retry.on(RetryOn::TIMEOUTS).wants(&error()));
    }

    #[test]
    fn delays_do_not_overflow() {
        let retry = Retry::new(u32::MAX).backoff(10.0);
        assert_eq!(retry.delay_after(u32::MAX), retry.max_delay);
    }
}
