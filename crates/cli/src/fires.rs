//! The fire times of a trigger.

use anyhow::{Context as _, bail};
use apscheduler::Result;
use apscheduler::options::oversized_integer;
use apscheduler::time::{Timestamp, Zone, parse_datetime};
use apscheduler::trigger::{Trigger, TriggerConfig, schedule_warning};
use serde_json::Value;

use crate::complain;

/// The fire times from `now` on, each asked for with the one before it.
pub(crate) struct Fires<'a> {
    trigger: &'a dyn Trigger,
    previous: Option<Timestamp>,
    now: Timestamp,
}

impl<'a> Fires<'a> {
    pub(crate) fn new(trigger: &'a dyn Trigger, now: Timestamp) -> Self {
        Self { trigger, previous: None, now }
    }
}

impl Iterator for Fires<'_> {
    type Item = Timestamp;

    fn next(&mut self) -> Option<Timestamp> {
        let fire = self.trigger.next_fire_time(self.previous, self.now)?;
        (self.previous, self.now) = (Some(fire), fire);
        Some(fire)
    }
}

/// Reads JSON that was given for an option of the command line.
pub(crate) fn json(option: &str, text: &str) -> anyhow::Result<Value> {
    let value =
        serde_json::from_str(text).with_context(|| format!("{option}: `{text}` is no JSON"))?;
    match oversized_integer(text) {
        Some(number) => {
            bail!("{option}: {number} is too large a number: it does not fit into 64 bits")
        }
        None => Ok(value),
    }
}

/// Warns of a schedule that never fires, or has ended.
pub(crate) fn warn_of_schedule(trigger: &dyn Trigger, now: Timestamp) {
    if let Some(warning) = schedule_warning(trigger, now) {
        complain(&format!("warning: {warning}"));
    }
}

/// A trigger as JSON: a table with `type`, or the type alone.
pub(crate) fn trigger_config(value: &Value) -> Result<TriggerConfig> {
    match value {
        Value::String(kind) => Ok(TriggerConfig::new(kind.as_str())),
        other => TriggerConfig::from_value(other),
    }
}

/// The trigger of a crontab line of five fields.
pub(crate) fn crontab(line: &str) -> TriggerConfig {
    TriggerConfig::new("cron").option("crontab", line)
}

/// An instant in ISO 8601; without an offset it is a wall clock in `zone`.
pub(crate) fn instant(text: &str, zone: Zone) -> Result<Timestamp> {
    // The dates of APScheduler have no fractions of less than six digits; ISO 8601 has.
    match text.parse() {
        Ok(instant) => Ok(instant),
        Err(_) => parse_datetime(text, zone).map(|(instant, _)| instant),
    }
}
