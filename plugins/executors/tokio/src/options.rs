//! The options of the tokio executor.

use std::time::Duration;

use apscheduler_core::options::{self, Options};
use apscheduler_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

const WHAT: &str = "executor `tokio`";

/// The options of the tokio executor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokioOptions {
    /// How many jobs run at once, at the most. Default: as many async jobs as there are, and plain ones in as many threads as
    /// there are processors, and 4 more, but no more than 32.
    pub max_workers: Option<usize>,
    /// How many seconds an async job has to end when it was cancelled, before it is dropped. Default: 1.
    pub cancel_grace_time: f64,
    /// Runs the jobs on a runtime of the executor's own, with so many threads. Default: on the current runtime; where there is
    /// none, on one of its own with a thread for each processor.
    pub worker_threads: Option<usize>,
}

impl Default for TokioOptions {
    fn default() -> Self {
        Self { max_workers: None, cancel_grace_time: 1.0, worker_threads: None }
    }
}

impl TokioOptions {
    /// Reads the options of a config.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] that names the key.
    pub fn parse(given: &Options) -> Result<Self> {
        let parsed: Self = options::parse(WHAT, given)?;
        let refuse = |message: String| Err(Error::new(ErrorKind::Config, message));
        let counts =
            [("max_workers", parsed.max_workers), ("worker_threads", parsed.worker_threads)];
        for (name, count) in counts {
            if count == Some(0) {
                return refuse(format!("{WHAT}: {name}: expected at least 1, found 0"));
            }
        }
        let seconds = parsed.cancel_grace_time;
        if Duration::try_from_secs_f64(seconds).is_err() {
            return refuse(format!(
                "{WHAT}: cancel_grace_time: expected a number of seconds, found {}",
                options::number_text(seconds)
            ));
        }
        Ok(parsed)
    }

    /// How many jobs run at once, at the most.
    pub fn max_workers(mut self, max_workers: usize) -> Self {
        self.max_workers = Some(max_workers);
        self
    }

    /// How long an async job has to end when it was cancelled, before it is dropped.
    pub fn cancel_grace_time(mut self, time: Duration) -> Self {
        self.cancel_grace_time = time.as_secs_f64();
        self
    }

    /// Runs the jobs on a runtime of the executor's own, with so many threads.
    pub fn worker_threads(mut self, worker_threads: usize) -> Self {
        self.worker_threads = Some(worker_threads);
        self
    }

    pub(crate) fn grace(&self) -> Duration {
        Duration::try_from_secs_f64(self.cancel_grace_time).unwrap_or(Duration::MAX)
    }
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
        let given = json!({"max_workers": "20", "cancel_grace_time": "0.5", "worker_threads": 2});
        let expected = TokioOptions::default()
            .max_workers(20)
            .cancel_grace_time(Duration::from_millis(500))
            .worker_threads(2);
        assert_eq!(parse(&given).unwrap(), expected);
        assert_eq!(parse(&json!({})).unwrap(), TokioOptions::default());
    }

    #[test]
    fn mistakes_are_named() {
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
            let error = parse(&given).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
