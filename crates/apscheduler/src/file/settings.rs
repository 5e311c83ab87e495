//! The settings of a file, apart from its name and its jobs, to tell which of them differ between two versions of it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::digest::fnv1a;

/// A hash of the value of each top-level key. The values are not kept, since they may contain passwords.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Settings(BTreeMap<String, u64>);

impl Settings {
    /// The settings of a scheduler, and the value of `http`. Keys may be nested or have dots.
    pub(super) fn of(config: &Value, http: Option<&Value>) -> Self {
        let mut settings = BTreeMap::<String, Map<String, Value>>::new();
        let mut note = |path: &str, value: &Value| {
            let key = path.split('.').next().unwrap_or_default();
            settings.entry(key.to_owned()).or_default().insert(path.to_owned(), value.clone());
        };
        each_leaf("", config, &mut note);
        if let Some(http) = http {
            each_leaf("http", http, &mut note);
        }
        Self(settings.into_iter().map(|(key, leaves)| (key, fnv1a(&leaves.into()))).collect())
    }

    /// The top-level keys whose values differ.
    pub(super) fn differences<'a>(&'a self, other: &'a Self) -> Vec<&'a str> {
        let keys = self.0.keys().chain(other.0.keys());
        let differs = |key: &&String| self.0.get(*key) != other.0.get(*key);
        let mut keys: Vec<&str> = keys.filter(differs).map(String::as_str).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

/// Calls `note` with the path of each value that is no table, or an empty one.
fn each_leaf(path: &str, value: &Value, note: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(table) if !table.is_empty() => {
            for (key, value) in table {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                each_leaf(&path, value, note);
            }
        }
        _ if path.is_empty() => {}
        _ => note(path, value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_spelling_of_keys_is_no_difference() {
        let nested = json!({"jobstores": {"default": {"type": "memory"}}, "timezone": "UTC"});
        let dotted = json!({"timezone": "UTC", "jobstores.default.type": "memory"});
        let (nested, dotted) = (Settings::of(&nested, None), Settings::of(&dotted, None));
        assert_eq!(nested.differences(&dotted), Vec::<&str>::new());
    }

    #[test]
    fn a_value_that_is_new_gone_or_changed_is_a_difference() {
        let before = json!({"executors": {"a": {"type": "debug"}}, "timezone": "UTC", "lease": 30});
        let after = json!({"executors": {"a": {"type": "debug", "n": 1}}, "lease": 30});
        let http = json!({"listen": "127.0.0.1:1"});
        let (before, after) = (Settings::of(&before, None), Settings::of(&after, Some(&http)));
        assert_eq!(before.differences(&after), ["executors", "http", "timezone"]);
        assert_eq!(after.differences(&before), ["executors", "http", "timezone"]);
        let empty = (Settings::of(&json!({}), None), Settings::of(&json!({}), Some(&json!({}))));
        assert_eq!(empty.0.differences(&empty.1), ["http"]);
    }

    #[test]
    fn no_value_is_kept() {
        let settings =
            Settings::of(&json!({"jobstores": {"default": {"password": "hunter2"}}}), None);
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
