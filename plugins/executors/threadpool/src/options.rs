//! The options of the thread pool.

use apscheduler_core::Result;
use apscheduler_core::options::{self, Options};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

const WHAT: &str = "executor `threadpool`";

/// The options of the thread pool, with APScheduler's names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ThreadPoolOptions {
    /// How many jobs run at once. Default: 10.
    pub max_workers: usize,
    /// Options that APScheduler passes to Python's pool. Supported: `thread_name_prefix`.
    pub pool_kwargs: Map<String, Value>,
}

impl Default for ThreadPoolOptions {
    fn default() -> Self {
        Self { max_workers: 10, pool_kwargs: Map::new() }
    }
}

/// The supported keys of `pool_kwargs`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct PoolKwargs {
    thread_name_prefix: Option<String>,
}

impl ThreadPoolOptions {
    /// Reads the options of a config.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) that names the key.
    pub fn parse(given: &Options) -> Result<Self> {
        options::parse(WHAT, given)
    }

    /// Sets how many jobs run at once.
    pub fn max_workers(mut self, max_workers: usize) -> Self {
        self.max_workers = max_workers;
        self
    }

    /// Returns the checked options.
    pub(crate) fn check(&self) -> Result<CheckedOptions> {
        options::at_least(&format!("{WHAT}: max_workers"), self.max_workers, 1)?;
        let kwargs: PoolKwargs =
            options::parse(&format!("{WHAT}: pool_kwargs"), &self.pool_kwargs)?;
        Ok(CheckedOptions {
            max_workers: self.max_workers,
            thread_name_prefix: kwargs.thread_name_prefix,
        })
    }
}

/// Options that have been checked.
#[derive(Debug)]
pub(crate) struct CheckedOptions {
    pub(crate) max_workers: usize,
    /// The beginning of the threads' names.
    pub(crate) thread_name_prefix: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(value: &Value) -> Result<ThreadPoolOptions> {
        ThreadPoolOptions::parse(value.as_object().unwrap())
    }

    #[test]
    fn text_is_read_as_a_number() {
        assert_eq!(parse(&json!({"max_workers": "20"})).unwrap().max_workers, 20);
        assert_eq!(parse(&json!({})).unwrap().max_workers, 10);
    }

    #[test]
    fn errors_name_the_option() {
        let cases = [
            (json!({"max_worker": 1}), "did you mean `max_workers`?"),
            (json!({"max_workers": 0}), "max_workers: expected at least 1, found 0"),
            (json!({"pool_kwargs": {"initializer": 1}}), "unknown option `initializer`"),
        ];
        for (given, expected) in cases {
            let error = parse(&given).and_then(|options| options.check()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
