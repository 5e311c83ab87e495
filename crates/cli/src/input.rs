//! Parses values that users give as text.

use anyhow::{Context as _, bail};
use apscheduler::Result;
use apscheduler::options::oversized_integer;
use apscheduler::time::{Timestamp, Zone, parse_datetime};
use apscheduler::trigger::TriggerConfig;
use serde_json::Value;

/// Parses the JSON value of a command line option.
pub(crate) fn json(option: &str, text: &str) -> anyhow::Result<Value> {
    let value = serde_json::from_str(text)
        .with_context(|| format!("{option}: expected JSON, found `{text}`"))?;
    match oversized_integer(text) {
        Some(number) => bail!("{option}: {}", too_large(number)),
        None => Ok(value),
    }
}

/// The error message for a number that would lose digits.
pub(crate) fn too_large(number: &str) -> String {
    format!("the number {number} is too large: it does not fit into 64 bits")
}

/// Parses the trigger in a command line option.
pub(crate) fn trigger_option(option: &str, text: &str) -> anyhow::Result<TriggerConfig> {
    let value = json(option, text)?;
    Ok(trigger_config(&value).map_err(|error| error.with_context(option))?)
}

/// Parses a trigger: a table with `type`, or the type alone as text.
pub(crate) fn trigger_config(value: &Value) -> Result<TriggerConfig> {
    match value {
        Value::String(kind) => Ok(TriggerConfig::new(kind.as_str())),
        other => TriggerConfig::from_value(other),
    }
}

/// The trigger for a crontab expression of five fields.
pub(crate) fn crontab(expression: &str) -> TriggerConfig {
    TriggerConfig::new("cron").option("crontab", expression)
}

/// Parses the instant in a command line option, as [`instant`] does.
pub(crate) fn instant_option(option: &str, text: &str, zone: Zone) -> Result<Timestamp> {
    instant(text, zone).map_err(|error| error.with_context(option))
}

/// Parses an instant in ISO 8601. Without an offset it is local time in `zone`.
pub(crate) fn instant(text: &str, zone: Zone) -> Result<Timestamp> {
    // In APScheduler's date format a fraction counts microseconds; in ISO 8601, `.5` is half a second.
    match text.parse() {
        Ok(instant) => Ok(instant),
        Err(_) => parse_datetime(text, zone).map(|(instant, _)| instant),
    }
}
