//! Lengths of time in options.

use std::fmt;
use std::time::Duration;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::value::number_text;
use crate::{ErrorKind, Result};

/// A length of time in options: a number of seconds, as in APScheduler, or text with units, as `"1h 30m"` or `"250ms"`.
///
/// It may hold any number until it is checked: a config with a negative timeout is an error that names the key.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// use apscheduler_core::options::{self, Seconds};
/// use serde_json::json;
///
/// let read = |value| options::parse_value::<Seconds>("timeout", &value);
/// assert_eq!(read(json!(2.5))?, Seconds(2.5));
/// assert_eq!(read(json!("2.5"))?, Seconds(2.5));
/// assert_eq!(read(json!("1h 30m"))?.check("timeout", 0.001)?, Duration::from_secs(5400));
/// assert_eq!(
///     read(json!("soon")).unwrap_err().to_string(),
///     "timeout: expected a number of seconds, or text such as \"5s\" or \"1h 30m\", found text \"soon\""
/// );
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Seconds(pub f64);

impl Seconds {
    /// Returns the length of time if it is at least `least` seconds and at most 2147483 (24 days). `what` is named in
    /// errors.
    ///
    /// # Errors
    /// As [`seconds`].
    pub fn check(self, what: &str, least: f64) -> Result<Duration> {
        seconds(what, self.0, least)
    }

    /// Returns the length of time if it is longer than zero. `what` is named in errors.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] that says what was expected.
    ///
    /// # Examples
    /// ```
    /// use apscheduler_core::options::Seconds;
    ///
    /// assert!(Seconds(0.5).positive("timeout").is_ok());
    /// let error = Seconds(0.0).positive("timeout").unwrap_err();
    /// assert_eq!(error.to_string(), "timeout: expected a positive number of seconds, found 0");
    /// ```
    pub fn positive(self, what: &str) -> Result<Duration> {
        let time = Duration::try_from_secs_f64(self.0).ok().filter(|time| !time.is_zero());
        time.ok_or_else(|| self.unexpected(what, "a positive number of seconds"))
    }

    /// Returns the length of time if it is not negative. `what` is named in errors.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] that says what was expected.
    pub fn not_negative(self, what: &str) -> Result<Duration> {
        Duration::try_from_secs_f64(self.0)
            .map_err(|_| self.unexpected(what, "a number of seconds, 0 or more"))
    }

    fn unexpected(self, what: &str, expected: &str) -> crate::Error {
        let found = number_text(self.0);
        crate::Error::new(ErrorKind::Config, format!("{what}: expected {expected}, found {found}"))
    }
}

impl From<Duration> for Seconds {
    fn from(time: Duration) -> Self {
        Self(time.as_secs_f64())
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecondsVisitor)
    }
}

struct SecondsVisitor;

const EXPECTED: &str = "a number of seconds, or text such as \"5s\" or \"1h 30m\"";

impl Visitor<'_> for SecondsVisitor {
    type Value = Seconds;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Seconds, E> {
        Ok(Seconds(value))
    }

    #[expect(clippy::cast_precision_loss, reason = "no length of time needs 53 bits of seconds")]
    fn visit_i64<E: Error>(self, value: i64) -> Result<Seconds, E> {
        Ok(Seconds(value as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "no length of time needs 53 bits of seconds")]
    fn visit_u64<E: Error>(self, value: u64) -> Result<Seconds, E> {
        Ok(Seconds(value as f64))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Seconds, E> {
        let text = value.trim();
        let number = text.parse().ok().filter(|_| !text.contains(['n', 'i', 'N', 'I']));
        number
            .map(Seconds)
            .or_else(|| humantime::parse_duration(text).ok().map(Seconds::from))
            .ok_or_else(|| {
                // A URL may hold a password.
                let shown = if text.contains("://") { String::new() } else { format!(" {text:?}") };
                E::custom(format!("expected {EXPECTED}, found text{shown}"))
            })
    }
}

/// Reads a number of seconds that is at least `least` and at most 2147483 (24 days). `what` is named in errors.
///
/// # Errors
/// [`ErrorKind::Config`] that says what was expected.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use apscheduler_core::options::seconds;
///
/// assert_eq!(seconds("poll_interval", 2.5, 0.001)?, Duration::from_millis(2500));
/// let error = seconds("poll_interval", 0.0, 0.001).unwrap_err();
/// assert_eq!(error.to_string(), "poll_interval: expected 0.001 to 2147483 seconds, found 0");
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
pub fn seconds(what: &str, value: f64, least: f64) -> Result<Duration> {
    // Milliseconds that a signed number of 32 bits holds, as many a backend has them.
    const MOST: f64 = 2_147_483.0;
    if (least..=MOST).contains(&value) {
        return Ok(Duration::from_secs_f64(value));
    }
    let found = number_text(value);
    let message = format!("{what}: expected {least} to {MOST} seconds, found {found}");
    Err(crate::Error::new(ErrorKind::Config, message))
}
