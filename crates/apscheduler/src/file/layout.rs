//! Splits a file into the configuration of the scheduler, the name and the jobs.

use apscheduler_core::config::KEYS;
use apscheduler_core::suggestion;
use serde_json::{Map, Value};

/// The table that may contain all keys, and the prefix that keys may have.
const TABLE: &str = "apscheduler";

/// The keys that are not part of the configuration of the scheduler.
const OWN_KEYS: [&str; 3] = ["http", "jobs", "name"];

/// The parts of a file.
#[derive(Debug, PartialEq)]
pub(super) struct Layout {
    /// The value of `http`: the options of the server.
    pub(super) http: Option<Value>,
    /// The value of `name`.
    pub(super) name: Option<Value>,
    /// The keys of the scheduler, nested or with dots.
    pub(super) config: Map<String, Value>,
    /// The entries of `jobs`.
    pub(super) jobs: Vec<Value>,
}

impl Layout {
    /// Splits a file. Keys are at the top level, in a table `apscheduler`, or have the prefix `apscheduler.`.
    pub(super) fn of(root: Map<String, Value>) -> Result<Self, String> {
        let mut config = Map::new();
        for (key, value) in root {
            match (key.as_str(), value) {
                (TABLE, Value::Object(table)) => {
                    table.into_iter().try_for_each(|(key, value)| put(&mut config, &key, value))?;
                }
                (TABLE, other) => return Err(format!("{TABLE}: expected a table, found {other}")),
                (key, value) => {
                    let bare = key.strip_prefix(TABLE).and_then(|rest| rest.strip_prefix('.'));
                    put(&mut config, bare.unwrap_or(key), value)?;
                }
            }
        }
        let jobs = match config.remove("jobs") {
            None => Vec::new(),
            Some(Value::Array(jobs)) => jobs,
            Some(other) => {
                let found =
                    if other.is_object() { "a table".to_owned() } else { other.to_string() };
                return Err(format!(
                    "jobs: expected a list of tables (`[[jobs]]` in TOML), found {found}"
                ));
            }
        };
        Ok(Self { http: config.remove("http"), name: config.remove("name"), config, jobs })
    }
}

fn put(config: &mut Map<String, Value>, key: &str, value: Value) -> Result<(), String> {
    let known = || KEYS.into_iter().chain(OWN_KEYS);
    let first = key.split('.').next().unwrap_or(key);
    if !OWN_KEYS.contains(&key) && !KEYS.contains(&first) {
        return Err(format!(
            "unknown key `{key}`{}",
            suggestion::hint(first, "known keys", known())
        ));
    }
    if config.insert(key.to_owned(), value).is_some() {
        return Err(format!("duplicate key `{key}`: at the top level and in `{TABLE}`"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn layout(value: Value) -> Result<Layout, String> {
        match value {
            Value::Object(root) => Layout::of(root),
            _ => unreachable!(),
        }
    }

    #[test]
    fn keys_may_be_nested_or_prefixed() {
        let expected =
            layout(json!({"name": "shop", "timezone": "UTC", "jobs": [{"id": "a"}]})).unwrap();
        assert_eq!(expected.jobs, [json!({"id": "a"})]);
        assert_eq!(expected.name, Some(json!("shop")));
        for other in [
            json!({"apscheduler": {"name": "shop", "timezone": "UTC", "jobs": [{"id": "a"}]}}),
            json!({"apscheduler.name": "shop", "apscheduler.timezone": "UTC", "jobs": [{"id": "a"}]}),
            json!({"name": "shop", "apscheduler": {"timezone": "UTC"}, "apscheduler.jobs": [{"id": "a"}]}),
        ] {
            assert_eq!(layout(other).unwrap(), expected);
        }
        let dotted = layout(json!({"apscheduler.job_defaults.coalesce": false})).unwrap();
        assert_eq!(dotted.config["job_defaults.coalesce"], json!(false));
    }

    #[test]
    fn rejects_unknown_and_duplicate_keys() {
        for (value, expected) in [
            (
                json!({"job": []}),
                "unknown key `job`; did you mean `jobs`? known keys: executors, history, http, job_defaults, jobs,",
            ),
            (json!({"timezon": "UTC"}), "did you mean `timezone`?"),
            (
                json!({"apscheduler.exectors.default": {}}),
                "unknown key `exectors.default`; did you mean `executors`?",
            ),
            (
                json!({"jobs": {"a": {}}}),
                "jobs: expected a list of tables (`[[jobs]]` in TOML), found a table",
            ),
            (
                json!({"timezone": "UTC", "apscheduler": {"timezone": "UTC"}}),
                "duplicate key `timezone`",
            ),
            (json!({"apscheduler": 1}), "apscheduler: expected a table, found 1"),
        ] {
            let error = layout(value).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
