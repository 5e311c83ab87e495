//! The options of the thread pool.

use apscheduler_core::options::{self, Options};
use apscheduler_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The options of the thread pool, with APScheduler's names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ThreadPoolOptions {
    /// How many jobs run at once, at the most. Default: 10.
    pub max_workers: usize,
    /// Options of the pool behind it in Python. Known: `thread_name_prefix`.
    pub pool_kwargs: Map<String, Value>,
}

impl Default for ThreadPoolOptions {
    fn default() -> Self {
        Self { max_workers: 10, pool_kwargs: Map::new() }
    }
}

/// What `pool_kwargs` may hold.
#[derive(Default, Deserialize)]
#[serde(default)]
struct PoolKwargs {
    thread_name_prefix: Option<String>,
}

impl ThreadPoolOptions {
    /// Reads the options of a config.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] that names the key.
    pub fn parse(given: &Options) -> Result<Self> {
        let what = "executor `threadpool`";
        let parsed: Self = options::parse(what, given)?;
        if parsed.max_workers == 0 {
            return Err(Error::new(
                ErrorKind::Config,
                format!("{what}: max_workers: expected at least 1, found 0"),
            ));
        }
        options::parse::<PoolKwargs>(&format!("{what}: pool_kwargs"), &parsed.pool_kwargs)?;
        Ok(parsed)
    }

    /// How many jobs run at once, at the most.
    pub fn max_workers(mut self, max_workers: usize) -> Self {
        self.max_workers = max_workers;
        self
    }

    /// What the names of the threads begin with.
    pub(crate) fn thread_name_prefix(&self) -> Option<String> {
        let kwargs: PoolKwargs =
            options::parse("pool_kwargs", &self.pool_kwargs).unwrap_or_default();
        kwargs.thread_name_prefix
    }
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
    fn mistakes_are_named() {
        let cases = [
            (json!({"max_worker": 1}), "did you mean `max_workers`?"),
            (json!({"max_workers": 0}), "max_workers: expected at least 1, found 0"),
            (json!({"pool_kwargs": {"initializer": 1}}), "unknown option `initializer`"),
        ];
        for (given, expected) in cases {
            let error = parse(&given).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
