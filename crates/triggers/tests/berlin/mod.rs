//! A scheduler in Berlin, as in the tests of APScheduler.

#![allow(dead_code, reason = "not every test file needs all of it")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::time::{Timestamp, Zone, parse_datetime};
use apscheduler_core::trigger::Trigger;
use apscheduler_core::trigger::TriggerConfig;
use serde_json::Value;

use crate::built::{build, rebuild};

/// Returns the instant of this text, which is in Berlin's time unless it has an offset.
pub(crate) fn at(text: &str) -> Timestamp {
    parse_datetime(text, zone()).unwrap().0
}

fn zone() -> Zone {
    "Europe/Berlin".parse().unwrap()
}

/// Builds a trigger with a clock that shows 2020.
pub(crate) fn try_trigger(config: &Value) -> Result<Arc<dyn Trigger>> {
    build(config, zone(), at("2020-01-01"))
}

/// Builds a trigger with a clock that shows 2020, stores it, and returns the restored one, so that tests also check
/// this.
pub(crate) fn trigger(config: &Value) -> Arc<dyn Trigger> {
    let stored = TriggerConfig::of(&*try_trigger(config).unwrap()).unwrap();
    rebuild(&stored, Zone::UTC, Timestamp::UNIX_EPOCH).unwrap()
}

/// Returns the displayed next fire time.
pub(crate) fn next(
    trigger: &dyn Trigger,
    previous: Option<Timestamp>,
    now: &str,
) -> Option<String> {
    let fire = trigger.next_fire_time(previous, at(now))?;
    Some(trigger.zone(fire).display(fire))
}
