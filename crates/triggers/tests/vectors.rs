//! Every row of the golden vectors, built from its config through a registry.

#![allow(clippy::unwrap_used, reason = "tests")]

mod built;

use apscheduler_core::trigger::TriggerConfig;
use std::fmt::Write as _;

use apscheduler_core::time::{Timestamp, Zone};
use built::{build, rebuild};
use chrono::{DateTime, Datelike as _};
use serde_json::Value;

/// The brute-force computation of the `cron` rows stopped before this year (as three rows of leap days show), so
/// `fires` has no later fires of schedules without an end.
const HORIZON: i32 = 2036;

/// Checks a row, and returns what is wrong with it.
fn check(row: &Value) -> Result<(), String> {
    let now = row["now"]
        .as_str()
        .map_or(Timestamp::UNIX_EPOCH, |now| DateTime::parse_from_rfc3339(now).unwrap().to_utc());
    let built = build(&row["trigger"], Zone::UTC, now);
    if row["error"] == true {
        return built.map_or(Ok(()), |trigger| Err(format!("no error, but {trigger}")));
    }
    let trigger = built.map_err(|error| error.chain())?;

    // A stored trigger must continue like the original.
    let config = TriggerConfig::of(&*trigger).map_err(|error| error.chain())?;
    let rebuilt = rebuild(&config, Zone::UTC, now).map_err(|error| error.chain())?;
    let rebuilt_config = TriggerConfig::of(&*rebuilt).map_err(|error| error.chain())?;
    if rebuilt_config != config || rebuilt.to_string() != trigger.to_string() {
        return Err(format!("rebuilt as {rebuilt:?}"));
    }
    for trigger in [trigger, rebuilt] {
        if let Some(text) = row["text"].as_str()
            && trigger.to_string() != text
        {
            return Err(format!("reads {trigger}, expected {text}"));
        }
        let expected: Vec<&str> =
            row["fires"].as_array().unwrap().iter().map(|fire| fire.as_str().unwrap()).collect();
        let (mut fires, mut previous) = (Vec::new(), None);
        for _ in 0..row["count"].as_u64().unwrap() {
            let fire = trigger.next_fire_time(previous, previous.unwrap_or(now));
            let Some(fire) =
                fire.filter(|fire| fires.len() < expected.len() || is_counted(row, *fire))
            else {
                break;
            };
            fires.push(trigger.zone(fire).iso(fire));
            previous = Some(fire);
        }
        if fires != expected {
            return Err(format!("fires at {fires:?}, expected {expected:?}"));
        }
        // Catching up in one leap ends where single steps end.
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

fn is_counted(row: &Value, fire: Timestamp) -> bool {
    let trigger = row["trigger"].as_object().unwrap();
    let has_end =
        ["end_date", "year", "triggers"].iter().any(|option| trigger.contains_key(*option));
    has_end || trigger["type"] != "cron" || fire.year() < HORIZON
}

fn check_all(rows: &str) {
    let (mut count, mut failures) = (0, String::new());
    for line in rows.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        count += 1;
        if let Err(what) = check(&row) {
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
