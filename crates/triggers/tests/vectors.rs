//! Every row of the golden vectors, built from its config through a registry.

use std::fmt::Write as _;

use apscheduler_core::registry::Registry;
use apscheduler_core::time::{Timestamp, Zone};
use apscheduler_core::trigger::{TriggerConfig, TriggerContext};
use chrono::DateTime;
use serde_json::Value;

/// What is wrong with a row.
fn check(registry: &Registry, row: &Value) -> Result<(), String> {
    let now = row["now"].as_str().map_or(Timestamp::UNIX_EPOCH, |now| {
        DateTime::parse_from_rfc3339(now).unwrap().to_utc()
    });
    let context = TriggerContext {
        registry,
        timezone: Zone::UTC,
        now,
    };
    let built =
        TriggerConfig::from_value(&row["trigger"]).and_then(|config| context.build(&config));
    if row["error"] == true {
        return built.map_or(Ok(()), |trigger| Err(format!("no error, but {trigger}")));
    }
    let trigger = built.map_err(|error| error.chain())?;

    // A stored trigger must go on as the first one would.
    let rebuilt = context
        .build(&trigger.config())
        .map_err(|error| error.chain())?;
    if rebuilt.config() != trigger.config() || rebuilt.to_string() != trigger.to_string() {
        return Err(format!("rebuilt as {rebuilt:?}"));
    }
    for trigger in [trigger, rebuilt] {
        if let Some(text) = row["text"].as_str()
            && trigger.to_string() != text
        {
            return Err(format!("reads {trigger}, expected {text}"));
        }
        let (mut fires, mut previous, mut present) = (Vec::new(), None, now);
        for _ in 0..row["count"].as_u64().unwrap() {
            let Some(fire) = trigger.next_fire_time(previous, present) else {
                break;
            };
            fires.push(trigger.zone(fire).iso(fire));
            (previous, present) = (Some(fire), fire);
        }
        let expected: Vec<&str> = row["fires"]
            .as_array()
            .unwrap()
            .iter()
            .map(|fire| fire.as_str().unwrap())
            .collect();
        if fires != expected {
            return Err(format!("fires at {fires:?}, expected {expected:?}"));
        }
        // Catching up in one leap ends where going step by step does.
        if let Some(last) = previous {
            let first = trigger.next_fire_time(None, now).unwrap();
            let leapt = trigger.last_fire_time(first, last);
            if leapt != last {
                return Err(format!("the last fire until {last} is {leapt}"));
            }
        }
    }
    Ok(())
}

fn check_all(rows: &str) {
    let registry = Registry::empty();
    for plugin in apscheduler_triggers::PLUGINS {
        registry.register(plugin.clone()).unwrap();
    }
    let (mut count, mut failures) = (0, String::new());
    for line in rows.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        count += 1;
        if let Err(what) = check(&registry, &row) {
            writeln!(failures, "row {count}: {}\n  {what}", row["trigger"]).unwrap();
        }
    }
    assert!(count > 0, "no rows");
    assert!(failures.is_empty(), "{failures}");
}

macro_rules! vectors {
    ($($name:ident)+) => {$(
        #[test]
        fn $name() {
            check_all(include_str!(concat!("vectors/", stringify!($name), ".jsonl")));
        }
    )+};
}

vectors! { and calendarinterval combining cron cron_dates cron_invalid crontab date interval }
