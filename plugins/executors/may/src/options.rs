//! The options of the executor for coroutines.

use apscheduler_core::Result;
use apscheduler_core::options::{self, Options};
use serde::{Deserialize, Serialize};

const WHAT: &str = "executor `may`";

/// A smaller stack is too small for the message of a panic.
const MIN_STACK_SIZE: usize = 32 * 1024;

/// The options of the executor for coroutines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct MayOptions {
    /// How many jobs run at once. Default: 1000.
    pub max_workers: usize,
    /// The size of a job's stack, in bytes: 32 KiB or more. Default: 1 MiB.
    pub stack_size: usize,
}

impl Default for MayOptions {
    fn default() -> Self {
        Self { max_workers: 1000, stack_size: 1024 * 1024 }
    }
}

impl MayOptions {
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

    /// Sets the size of a job's stack, in bytes.
    pub fn stack_size(mut self, stack_size: usize) -> Self {
        self.stack_size = stack_size;
        self
    }

    /// Returns the checked options.
    pub(crate) fn check(&self) -> Result<CheckedOptions> {
        let limits =
            [("max_workers", 1, self.max_workers), ("stack_size", MIN_STACK_SIZE, self.stack_size)];
        for (name, least, found) in limits {
            options::at_least(&format!("{WHAT}: {name}"), found, least)?;
        }
        Ok(CheckedOptions { max_workers: self.max_workers, stack_size: self.stack_size })
    }
}

/// Options that have been checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CheckedOptions {
    pub(crate) max_workers: usize,
    pub(crate) stack_size: usize,
}

impl Default for CheckedOptions {
    fn default() -> Self {
        let MayOptions { max_workers, stack_size } = MayOptions::default();
        Self { max_workers, stack_size }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(value: &Value) -> Result<MayOptions> {
        MayOptions::parse(value.as_object().unwrap())
    }

    #[test]
    fn text_is_read_as_numbers() {
        let given = json!({"max_workers": "20", "stack_size": "65536"});
        let expected = MayOptions::default().max_workers(20).stack_size(65536);
        assert_eq!(parse(&given).unwrap(), expected);
        assert_eq!(parse(&json!({})).unwrap(), MayOptions::default());
    }

    #[test]
    fn errors_name_the_option() {
        let cases = [
            (json!({"max_worker": 1}), "did you mean `max_workers`?"),
            (json!({"max_workers": 0}), "max_workers: expected at least 1, found 0"),
            (json!({"stack_size": 4096}), "stack_size: expected at least 32768, found 4096"),
        ];
        for (given, expected) in cases {
            let error = parse(&given).and_then(|options| options.check()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
