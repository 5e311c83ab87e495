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

/// The instant that text means in Berlin, if it has no offset of its own.
pub(crate) fn at(text: &str) -> Timestamp {
    parse_datetime(text, zone()).unwrap().0
}

fn zone() -> Zone {
    "Europe/Berlin".parse().unwrap()
}

/// A trigger that is configured in 2020.
pub(crate) fn try_trigger(config: &Value) -> Result<Arc<dyn Trigger>> {
    build(config, zone(), at("2020-01-01"))
}

/// A trigger that is configured in 2020, stored, and restored: all that is tested of it survives that.
pub(crate) fn trigger(config: &Value) -> Arc<dyn Trigger> {
    let stored = TriggerConfig::of(&*try_trigger(config).unwrap()).unwrap();
    rebuild(&stored, Zone::UTC, Timestamp::UNIX_EPOCH).unwrap()
}

/// The next fire time as people read it.
pub(crate) fn next(
    trigger: &dyn Trigger,
    previous: Option<Timestamp>,
    now: &str,
) -> Option<String> {
    let fire = trigger.next_fire_time(previous, at(now))?;
    Some(trigger.zone(fire).display(fire))
}
