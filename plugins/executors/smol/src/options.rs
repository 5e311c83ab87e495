//! The options of the smol executor.

use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::options::{self, Options, Seconds};
use apscheduler_plugin_kit::executor::RuntimeLimits;
use serde::{Deserialize, Serialize};

const WHAT: &str = "executor `smol`";

/// The options of the smol executor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
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
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) that names the key.
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

    /// Returns the limits that the options give.
    pub(crate) fn check(&self) -> Result<RuntimeLimits> {
        RuntimeLimits::of_options(WHAT, self.max_workers, self.cancel_grace_time)
    }
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
        assert_eq!(checked, RuntimeLimits::new());
        let longest = SmolOptions::default().cancel_grace_time(Duration::MAX);
        let endless = RuntimeLimits::new().cancel_grace_time(Duration::MAX);
        assert_eq!(longest.check().unwrap(), endless);
    }

    #[test]
    fn errors_name_the_option() {
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
