//! The options of the process pool.

use std::num::NonZeroU32;

use apscheduler_core::options::{self, Options};
use apscheduler_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

const WHAT: &str = "executor `processpool`";

/// The options of the process pool, with APScheduler's names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ProcessPoolOptions {
    /// How many jobs run at once, each in a process of its own. Default: 10.
    pub max_workers: usize,
    /// After how many jobs a worker process is replaced by a new one. Default: never.
    pub max_tasks_per_child: Option<u32>,
    /// Options that APScheduler passes to Python's pool. Supported: `max_tasks_per_child`.
    pub pool_kwargs: Map<String, Value>,
}

impl Default for ProcessPoolOptions {
    fn default() -> Self {
        Self { max_workers: 10, max_tasks_per_child: None, pool_kwargs: Map::new() }
    }
}

/// The supported keys of `pool_kwargs`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct PoolKwargs {
    max_tasks_per_child: Option<u32>,
}

/// The options that only Python's pool has, with advice.
const PYTHON_ONLY: [(&str, &str); 3] = [
    (
        "mp_context",
        "workers are always started afresh from the running program, as Python's `spawn` does; leave it out",
    ),
    ("initializer", "a worker is set up in the program's `apscheduler::init_worker_with(...)`"),
    ("initargs", "a worker is set up in the program's `apscheduler::init_worker_with(...)`"),
];

impl ProcessPoolOptions {
    /// Reads the options of a config.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] that names the key.
    pub fn parse(given: &Options) -> Result<Self> {
        options::parse(WHAT, given)
    }

    /// Sets how many jobs run at once.
    pub fn max_workers(mut self, max_workers: usize) -> Self {
        self.max_workers = max_workers;
        self
    }

    /// Sets after how many jobs a worker process is replaced by a new one.
    pub fn max_tasks_per_child(mut self, max_tasks: u32) -> Self {
        self.max_tasks_per_child = Some(max_tasks);
        self
    }

    /// Returns the checked options.
    pub(crate) fn check(&self) -> Result<CheckedOptions> {
        let refuse = |message: String| Err(Error::new(ErrorKind::Config, message));
        options::at_least(&format!("{WHAT}: max_workers"), self.max_workers, 1)?;
        for (name, advice) in PYTHON_ONLY {
            if self.pool_kwargs.contains_key(name) {
                return refuse(format!("{WHAT}: pool_kwargs: {name}: {advice}"));
            }
        }
        let kwargs: PoolKwargs =
            options::parse(&format!("{WHAT}: pool_kwargs"), &self.pool_kwargs)?;
        let given = [self.max_tasks_per_child, kwargs.max_tasks_per_child];
        if given.contains(&Some(0)) {
            return refuse(format!(
                "{WHAT}: max_tasks_per_child: expected at least 1, or none, found 0"
            ));
        }
        if given.iter().all(Option::is_some) {
            return refuse(format!(
                "{WHAT}: max_tasks_per_child is in pool_kwargs too; give it once"
            ));
        }
        let max_tasks = self.max_tasks_per_child.or(kwargs.max_tasks_per_child);
        Ok(CheckedOptions {
            max_workers: self.max_workers,
            max_tasks_per_child: max_tasks.and_then(NonZeroU32::new),
        })
    }
}

/// Options that have been checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CheckedOptions {
    pub(crate) max_workers: usize,
    /// After how many jobs a worker is replaced, wherever it was given.
    pub(crate) max_tasks_per_child: Option<NonZeroU32>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(value: &Value) -> Result<ProcessPoolOptions> {
        ProcessPoolOptions::parse(value.as_object().unwrap())
    }

    #[test]
    fn options_are_accepted_at_both_levels() {
        let tasks = |value| {
            parse(&value).unwrap().check().unwrap().max_tasks_per_child.map(NonZeroU32::get)
        };
        assert_eq!(tasks(json!({})), None);
        assert_eq!(tasks(json!({"max_tasks_per_child": "5"})), Some(5));
        assert_eq!(tasks(json!({"pool_kwargs": {"max_tasks_per_child": 6}})), Some(6));
        assert_eq!(parse(&json!({"max_workers": "20"})).unwrap().max_workers, 20);
        assert_eq!(parse(&json!({})).unwrap().max_workers, 10);
    }

    #[test]
    fn errors_name_the_option() {
        let cases = [
            (json!({"max_worker": 1}), "did you mean `max_workers`?"),
            (json!({"max_workers": 0}), "max_workers: expected at least 1, found 0"),
            (json!({"max_tasks_per_child": 0}), "max_tasks_per_child: expected at least 1"),
            (json!({"pool_kwargs": {"max_tasks_per_child": 0}}), "expected at least 1"),
            (
                json!({"max_tasks_per_child": 1, "pool_kwargs": {"max_tasks_per_child": 1}}),
                "give it once",
            ),
            (json!({"pool_kwargs": {"mp_context": "fork"}}), "mp_context: workers are always"),
            (json!({"pool_kwargs": {"initializer": "f"}}), "init_worker_with"),
            (json!({"pool_kwargs": {"max_task": 1}}), "unknown option `max_task`"),
        ];
        for (given, expected) in cases {
            let error = parse(&given).and_then(|options| options.check()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
