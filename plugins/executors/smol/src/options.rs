//! The options of the smol executor.

use std::time::Duration;

use apscheduler_core::options::{self, Options, Seconds};
use apscheduler_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

const WHAT: &str = "executor `smol`";

/// The options of the smol executor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SmolOptions {
    /// How many jobs run at once, async and plain ones together. Default: no limit.
    pub max_workers: Option<usize>,
    /// How long an async job may continue after it was cancelled, before it is dropped. Default: 1 second.
    pub cancel_grace_time: Seconds,
}

impl Default for SmolOptions {
    fn default() -> Self {
        Self { max_workers: None, cancel_grace_time: Seconds(1.0) }
    }
}

impl SmolOptions {
    /// Reads the options of a config.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] that names the key.
    pub fn parse(given: &Options) -> Result<Self> {
        options::parse(WHAT, given)
    }

    /// Sets how many jobs run at once.
    pub fn max_workers(mut self, max_workers: usize) -> Self {
        self.max_workers = Some(max_workers);
        self
    }

    /// Sets how long an async job may continue after it was cancelled, before it is dropped.
    pub fn cancel_grace_time(mut self, time: Duration) -> Self {
        self.cancel_grace_time = time.into();
        self
    }

    /// Returns the checked options.
    pub(crate) fn check(&self) -> Result<CheckedOptions> {
        if self.max_workers == Some(0) {
            return Err(invalid("max_workers: expected at least 1, found 0"));
        }
        Ok(CheckedOptions {
            max_workers: self.max_workers,
            cancel_grace_time: grace_time(self.cancel_grace_time)?,
        })
    }
}

/// Options that have been checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CheckedOptions {
    pub(crate) max_workers: Option<usize>,
    pub(crate) cancel_grace_time: Duration,
}

impl Default for CheckedOptions {
    fn default() -> Self {
        let cancel_grace_time = Duration::from_secs(1);
        Self { max_workers: None, cancel_grace_time }
    }
}

/// Any length of time; the longest that can be told means no end.
fn grace_time(Seconds(seconds): Seconds) -> Result<Duration> {
    if seconds >= 0.0 {
        return Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
    }
    let found = options::number_text(seconds);
    Err(invalid(&format!("cancel_grace_time: expected a number of seconds, found {found}")))
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::Config, format!("{WHAT}: {message}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(value: &Value) -> Result<SmolOptions> {
        SmolOptions::parse(value.as_object().unwrap())
    }

    #[test]
    fn text_is_read_as_numbers() {
        let given = json!({"max_workers": "20", "cancel_grace_time": "500ms"});
        let expected =
            SmolOptions::default().max_workers(20).cancel_grace_time(Duration::from_millis(500));
        assert_eq!(parse(&given).unwrap(), expected);
        assert_eq!(parse(&json!({})).unwrap(), SmolOptions::default());
    }

    #[test]
    fn the_defaults_are_valid() {
        let checked = SmolOptions::default().check().unwrap();
        assert_eq!(format!("{checked:?}"), format!("{:?}", CheckedOptions::default()));
        let longest = SmolOptions::default().cancel_grace_time(Duration::MAX);
        assert_eq!(longest.check().unwrap().cancel_grace_time, Duration::MAX);
    }

    #[test]
    fn mistakes_are_named() {
        let cases = [
            (json!({"max_worker": 1}), "did you mean `max_workers`?"),
            (json!({"max_workers": 0}), "max_workers: expected at least 1, found 0"),
            (
                json!({"cancel_grace_time": -1}),
                "cancel_grace_time: expected a number of seconds, found -1",
            ),
        ];
        for (given, expected) in cases {
            let error = parse(&given).and_then(|options| options.check()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
