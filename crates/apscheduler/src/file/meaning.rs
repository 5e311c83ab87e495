//! Normalizes a schedule, so that equivalent spellings are the same value.
//!
//! A date is text in YAML and JSON, but a type of its own in TOML; variables are inserted as text; a trigger without options
//! may be its type alone. The usual spelling is not changed, so digests of early releases stay valid.

use apscheduler_core::time::{Zone, parse_datetime};
use chrono::FixedOffset;
use serde_json::{Map, Number, Value};

/// Normalizes the trigger of an entry.
pub(super) fn trigger(value: Option<&Value>) -> Value {
    match value {
        None | Some(Value::Null) => Value::Null,
        Some(Value::String(kind)) => {
            Value::Object(Map::from_iter([("type".to_owned(), Value::from(kind.trim()))]))
        }
        Some(Value::Object(table)) => {
            // A null option is the same as a missing one.
            let given = table.iter().filter(|(_, value)| !value.is_null());
            Value::Object(given.map(|(key, value)| (key.clone(), option(key, value))).collect())
        }
        Some(other) => other.clone(),
    }
}

/// Normalizes `next_run_time`: not given, paused, or an instant.
pub(super) fn next_run_time(value: Option<&Value>) -> Value {
    match value {
        None => Value::Null,
        Some(Value::Null) => Value::from("none"),
        Some(Value::String(text)) if text.trim().eq_ignore_ascii_case("none") => {
            Value::from("none")
        }
        Some(given) => scalar(given),
    }
}

/// Normalizes the name of a zone: UTC has many.
pub(super) fn zone(name: &str) -> &str {
    const UTC: [&str; 10] = [
        "UTC",
        "UCT",
        "Zulu",
        "Universal",
        "Etc/UTC",
        "Etc/UCT",
        "Etc/Zulu",
        "Etc/Universal",
        "+00:00",
        "-00:00",
    ];
    if UTC.contains(&name) { "UTC" } else { name }
}

fn option(key: &str, value: &Value) -> Value {
    match (key, value) {
        ("triggers", Value::Array(triggers)) => {
            triggers.iter().map(|value| trigger(Some(value))).collect()
        }
        ("timezone", Value::String(name)) => Value::from(zone(name)),
        (_, Value::Array(items)) => items.iter().map(scalar).collect(),
        (_, value) => scalar(value),
    }
}

fn scalar(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(plain(number)),
        Value::String(text) => number(text).or_else(|| date(text)).unwrap_or_else(|| value.clone()),
        other => other.clone(),
    }
}

/// Converts a whole number such as `2.0` to an integer.
fn plain(number: &Number) -> Number {
    // Up to here an f64 represents every whole number exactly.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < EXACT => {
            Number::from(float as i64)
        }
        _ => number.clone(),
    }
}

/// Parses a number that is given as text, as from a variable.
fn number(text: &str) -> Option<Value> {
    let number: Number = serde_json::from_str(text).ok()?;
    // To a trigger, `1e2` or `010` may be something else than a number.
    (number.to_string() == text).then(|| Value::Number(plain(&number)))
}

/// Normalizes a date to the format of TOML dates.
fn date(text: &str) -> Option<Value> {
    let (instant, read_in) = parse_datetime(text, Zone::UTC).ok()?;
    let elsewhere: Zone = FixedOffset::east_opt(3600)?.into();
    let given = parse_datetime(text, elsewhere).ok()?.0 == instant;
    let wall = read_in.at(instant).naive_local();
    if !given && wall.time() == chrono::NaiveTime::MIN {
        return Some(Value::from(wall.format("%Y-%m-%d").to_string()));
    }
    let fraction = wall.and_utc().timestamp_subsec_micros() > 0;
    let form = if fraction { "%Y-%m-%dT%H:%M:%S%.6f" } else { "%Y-%m-%dT%H:%M:%S" };
    let mut canonical = wall.format(form).to_string();
    if given {
        let name = read_in.to_string();
        canonical += match zone(&name) {
            "UTC" => "Z",
            other => other,
        };
    }
    Some(Value::from(canonical))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equivalent_triggers_are_equal() {
        let cases = [
            (json!("interval"), json!({"type": "interval"})),
            (json!({"type": "interval", "hours": "2"}), json!({"type": "interval", "hours": 2})),
            (json!({"type": "interval", "hours": 2.0}), json!({"type": "interval", "hours": 2})),
            (
                json!({"type": "interval", "hours": "2.5"}),
                json!({"type": "interval", "hours": 2.5}),
            ),
            (
                json!({"type": "interval", "hours": 2, "start_date": null}),
                json!({"type": "interval", "hours": 2}),
            ),
            (
                json!({"type": "cron", "timezone": "Etc/UTC", "start_date": "2027-03-01 10:20:30"}),
                json!({"type": "cron", "timezone": "UTC", "start_date": "2027-03-01T10:20:30"}),
            ),
            (
                json!({"type": "date", "run_date": "2027-3-1 1:2:3.25+00:00"}),
                json!({"type": "date", "run_date": "2027-03-01T01:02:03.000025Z"}),
            ),
            (
                json!({"type": "date", "run_date": "2027-03-01T00:00:00"}),
                json!({"type": "date", "run_date": "2027-03-01"}),
            ),
            (
                json!({"type": "or", "triggers": ["interval", {"type": "cron", "hour": "3"}]}),
                json!({"type": "or", "triggers": [{"type": "interval"}, {"type": "cron", "hour": 3}]}),
            ),
        ];
        for (written, meant) in cases {
            assert_eq!(trigger(Some(&written)), meant, "{written}");
            assert_eq!(trigger(Some(&meant)), meant, "the usual spelling is not changed");
        }
    }

    #[test]
    fn different_triggers_are_not_equal() {
        for (left, right) in [
            (json!({"hour": "*/5"}), json!({"hour": 5})),
            (json!({"hour": "05"}), json!({"hour": "5"})),
            (json!({"at": "2027-03-01T10:00:00+02:00"}), json!({"at": "2027-03-01T10:00:00"})),
            (json!({"at": "2027-03-01T10:00:00+02:00"}), json!({"at": "2027-03-01T10:00:00Z"})),
            (json!({"at": "2027-03-01T00:00:00Z"}), json!({"at": "2027-03-01"})),
            (json!({"timezone": "Europe/Helsinki"}), json!({"timezone": "UTC"})),
        ] {
            assert_ne!(trigger(Some(&left)), trigger(Some(&right)), "{left} {right}");
        }
    }

    #[test]
    fn a_null_next_run_time_differs_from_a_missing_one() {
        assert_eq!(next_run_time(None), json!(null));
        assert_eq!(next_run_time(Some(&json!(null))), next_run_time(Some(&json!("None"))));
        assert_eq!(next_run_time(Some(&json!("2027-03-01 00:00:00"))), json!("2027-03-01"));
    }
}
