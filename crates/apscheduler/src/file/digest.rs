//! Detects whether an entry of a file has changed.
//!
//! A digest is `WHOLE-SCHEDULE`: 64-bit FNV-1a, in 16 hexadecimal digits each, of the JSON text of the job with all keys
//! sorted. `WHOLE` covers the whole job, with defaults and variables resolved. `SCHEDULE` covers the options that determine
//! when it runs, by their [meaning]. Neither depends on the place of the file, the host or the release, since a changed
//! digest gives a job a new next run time. The digest detects changes; it is not a security measure.

use apscheduler_core::job::{JobSpec, Policies};
use apscheduler_core::time::Zone;
use serde_json::{Map, Value, json};

use super::meaning;

/// The digests of one entry.
#[derive(Clone, Debug)]
pub(super) struct Digests {
    /// The digest to store.
    pub(super) current: String,
    /// The digest that early releases stored: of the text of the schedule instead of its meaning.
    early: String,
}

impl Digests {
    /// The digests of a job. `spec` is the built job, `entry` its entry in the file.
    pub(super) fn of(spec: &JobSpec, entry: &Map<String, Value>, zone: Zone) -> Self {
        // From the entry, since a trigger that starts "now" differs each time it is built.
        let given = |key: &str| entry.get(key);
        let zone = zone.to_string();
        let current = json!({
            "trigger": meaning::trigger(given("trigger")),
            "next_run_time": meaning::next_run_time(given("next_run_time")),
            "timezone": meaning::zone(&zone),
        });
        let early = json!({
            "trigger": given("trigger"),
            "next_run_time": given("next_run_time"),
            "timezone": zone,
        });
        Self { current: digest(spec, &current), early: digest(spec, &early) }
    }

    /// Whether nothing has changed since `stored`.
    pub(super) fn same(&self, stored: &str) -> bool {
        stored == self.current || stored == self.early
    }

    /// Whether the schedule has not changed since `stored`.
    pub(super) fn same_schedule(&self, stored: &str) -> bool {
        same_schedule(stored, &self.current) || same_schedule(stored, &self.early)
    }
}

fn digest(spec: &JobSpec, schedule: &Value) -> String {
    let mut whole = json!({
        "func": spec.function().name(),
        "args": spec.arguments().args(),
        "kwargs": spec.arguments().kwargs(),
        "name": spec.name(),
        "executor": spec.executor(),
        "misfire_grace_time": spec.misfire_grace_time().map(|time| time.as_secs()),
        "coalesce": spec.coalesce(),
        "max_instances": spec.max_instances(),
        "schedule": schedule,
    });
    if let Some(timeout) = spec.timeout() {
        whole["timeout"] = json!(timeout.as_secs_f64());
    }
    // Jobs without policies keep the digest of earlier releases.
    if *spec.policies() != Policies::default() {
        whole["policies"] = json!(spec.policies());
    }
    format!("{:016x}-{:016x}", fnv1a(&whole), fnv1a(schedule))
}

fn same_schedule(left: &str, right: &str) -> bool {
    let schedule = |digest: &str| digest.split_once('-').map(|(_, schedule)| schedule.to_owned());
    schedule(left).is_some() && schedule(left) == schedule(right)
}

/// The hash of a value. The order of keys does not count.
pub(super) fn fnv1a(value: &Value) -> u64 {
    let mut text = String::new();
    write_sorted(value, &mut text);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn write_sorted(value: &Value, text: &mut String) {
    match value {
        Value::Object(table) => {
            let mut entries: Vec<_> = table.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            text.push('{');
            for (key, value) in entries {
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write_sorted(value, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write_sorted(item, text);
                text.push(',');
            }
            text.push(']');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_ignores_the_order_of_keys_only() {
        assert_eq!(
            fnv1a(&json!({"a": 1, "b": {"c": 2, "d": 3}})),
            fnv1a(&json!({"b": {"d": 3, "c": 2}, "a": 1}))
        );
        let different = [
            json!({"a": 1}),
            json!({"a": "1"}),
            json!([["a"], 1]),
            json!([["a", 1]]),
            json!({"a": null}),
            json!({}),
        ];
        for (index, left) in different.iter().enumerate() {
            for right in &different[index + 1..] {
                assert_ne!(fnv1a(left), fnv1a(right), "{left} {right}");
            }
        }
    }

    #[test]
    fn the_hash_is_fnv_1a() {
        // It must not change: stores contain digests of earlier releases.
        assert_eq!(fnv1a(&json!(1)), 0xaf63_ac4c_8601_9afc);
    }

    #[test]
    fn the_schedule_is_the_second_part() {
        assert!(same_schedule("1-a", "2-a"));
        assert!(!same_schedule("1-a", "1-b"));
        assert!(!same_schedule("1", "1"));
    }
}
