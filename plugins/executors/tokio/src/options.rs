//! The options of the tokio executor.

use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::options::{self, Options, Seconds};
use apscheduler_plugin_kit::executor::RuntimeLimits;
use serde::{Deserialize, Serialize};

const WHAT: &str = "executor `tokio`";

/// The options of the tokio executor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TokioOptions {
    /// How many jobs run at once. By default async jobs have no limit, and plain ones have the number of processors plus 4
    /// threads, 32 at most.
    pub max_workers: Option<usize>,
    /// How long an async job may continue after it was cancelled, before it is dropped. Default: 1 second.
    pub cancel_grace_time: Seconds,
    /// Runs the jobs on a runtime of the executor's own, with this many threads. By default they run on the current runtime;
    /// if there is none, on one of the executor's own with a thread for each processor.
    pub worker_threads: Option<usize>,
}

impl Default for TokioOptions {
    fn default() -> Self {
        Self { max_workers: None, cancel_grace_time: Seconds(1.0), worker_threads: None }
    }
}

impl TokioOptions {
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

    /// Runs the jobs on a runtime of the executor's own, with this many threads.
    pub fn worker_threads(mut self, worker_threads: usize) -> Self {
        self.worker_threads = Some(worker_threads);
        self
    }

    /// Returns the checked options.
    pub(crate) fn check(&self) -> Result<CheckedOptions> {
        let limits = RuntimeLimits::of_options(WHAT, self.max_workers, self.cancel_grace_time)?;
        if let Some(threads) = self.worker_threads {
            options::at_least(&format!("{WHAT}: worker_threads"), threads, 1)?;
        }
        Ok(CheckedOptions { limits, worker_threads: self.worker_threads })
    }
}

/// Options that have been checked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CheckedOptions {
    pub(crate) limits: RuntimeLimits,
    pub(crate) worker_threads: Option<usize>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(value: &Value) -> Result<TokioOptions> {
        TokioOptions::parse(value.as_object().unwrap())
    }

    #[test]
    fn text_is_read_as_numbers() {
        let given = json!({"max_workers": "20", "cancel_grace_time": "500ms", "worker_threads": 2});
        let expected = TokioOptions::default()
            .max_workers(20)
            .cancel_grace_time(Duration::from_millis(500))
            .worker_threads(2);
        assert_eq!(parse(&given).unwrap(), expected);
        assert_eq!(parse(&json!({})).unwrap(), TokioOptions::default());
    }

    #[test]
    fn the_defaults_are_valid() {
        let checked = TokioOptions::default().check().unwrap();
        assert_eq!(format!("{checked:?}"), format!("{:?}", CheckedOptions::default()));
        let longest = TokioOptions::default().cancel_grace_time(Duration::MAX);
        let endless = RuntimeLimits::new().cancel_grace_time(Duration::MAX);
        assert_eq!(longest.check().unwrap().limits, endless);
    }

    #[test]
    fn errors_name_the_option() {
        let cases = [
            (json!({"max_worker": 1}), "did you mean `max_workers`?"),
            (json!({"max_workers": 0}), "max_workers: expected at least 1, found 0"),
            (json!({"worker_threads": 0}), "worker_threads: expected at least 1, found 0"),
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
