//! APScheduler's `tests/triggers/test_combining.py`.

#![allow(clippy::unwrap_used, reason = "tests")]

mod berlin;
mod built;

use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::time::Zone;
use apscheduler_core::trigger::Trigger;
use apscheduler_triggers::{AndTrigger, DateTrigger, IntervalTrigger, OrTrigger};
use berlin::{at, next, trigger};
use chrono::TimeDelta;
use serde_json::{Value, json};

/// Returns the config of an `and` or `or` of two cron triggers.
fn config(kind: &str) -> Value {
    json!({"type": kind, "triggers": [
        {"type": "cron", "month": "5-8", "day": "6-15", "end_date": "2017-08-10T00:00:00+02:00", "timezone": "Europe/Berlin"},
        {"type": "cron", "month": "6-9", "day": "*/3", "end_date": "2017-09-07T00:00:00+02:00", "timezone": "Europe/Berlin"},
    ]})
}

fn check(kind: &str, cases: [(&str, Option<&str>); 2]) {
    let trigger = trigger(&config(kind));
    for (now, expected) in cases {
        assert_eq!(next(&*trigger, None, now).as_deref(), expected, "{now}");
    }
}

fn check_jitter(kind: &str, expected: &str) {
    let mut config = config(kind);
    config["jitter"] = 5.into();
    let trigger = trigger(&config);
    for _ in 0..100 {
        let fire = trigger.next_fire_time(None, at("2017-08-06")).unwrap();
        let delay = fire - at(expected);
        assert!(TimeDelta::zero() <= delay && delay <= TimeDelta::seconds(5), "{delay}");
        assert!(trigger.next_fire_time(Some(fire), fire).unwrap() > fire);
    }
}

fn check_stored(kind: &str) {
    let mut config = config(kind);
    config["jitter"] = 5.into();
    assert_eq!(serde_json::to_value(&*trigger(&config)).unwrap(), config);
}

#[test]
fn and_next_fire_time() {
    check("and", [("2017-08-06", Some("2017-08-07 00:00:00 CEST")), ("2017-08-10 01:00:00", None)]);
}

#[test]
fn and_jitter() {
    check_jitter("and", "2017-08-07");
}

#[test]
fn and_str() {
    let text = "and[cron[month='5-8', day='6-15'], cron[month='6-9', day='*/3']]";
    assert_eq!(trigger(&config("and")).to_string(), text);
}

#[test]
fn and_pickle() {
    check_stored("and");
    let mut bounded = config("and");
    bounded["max_iterations"] = 7.into();
    assert_eq!(serde_json::to_value(&*trigger(&bounded)).unwrap(), bounded);
}

#[test]
fn or_next_fire_time() {
    check("or", [("2017-08-06", Some("2017-08-06 00:00:00 CEST")), ("2017-09-07 01:00:00", None)]);
}

#[test]
fn or_jitter() {
    check_jitter("or", "2017-08-06");
}

#[test]
fn or_str() {
    let text = "or[cron[month='5-8', day='6-15'], cron[month='6-9', day='*/3']]";
    assert_eq!(trigger(&config("or")).to_string(), text);
}

#[test]
fn or_pickle() {
    check_stored("or");
}

#[test]
fn class_references_also_name_triggers() {
    let built = trigger(&json!({"class": "apscheduler.triggers.combining:OrTrigger", "triggers": [
        {"class": "apscheduler.triggers.interval:IntervalTrigger", "hours": 26},
    ]}));
    assert_eq!(built.to_string(), "or[interval[1 day, 2:00:00]]");
}

/// Returns a trigger that fires every ten seconds, from this many milliseconds after the hour.
fn every_ten_seconds(offset: i64) -> Arc<dyn Trigger> {
    let start = at("2020-01-01") + TimeDelta::milliseconds(offset);
    Arc::new(IntervalTrigger::every(Duration::from_secs(10)).start_date(start).timezone(Zone::UTC))
}

#[test]
fn and_ends_without_a_common_fire_time() {
    let trigger = AndTrigger::new(vec![every_ten_seconds(0), every_ten_seconds(1)]).unwrap();
    assert_eq!(trigger.next_fire_time(None, at("2020-01-01")), None);
}

#[test]
fn and_ends_at_a_date_that_has_passed() {
    let date = Arc::new(DateTrigger::at(at("2020-01-01 00:00:20")));
    let trigger = AndTrigger::new(vec![every_ten_seconds(0), date]).unwrap();
    let fire = trigger.next_fire_time(None, at("2020-01-01"));
    assert_eq!(fire, Some(at("2020-01-01 00:00:20")));
    assert_eq!(trigger.next_fire_time(fire, at("2020-01-01")), None);
    assert_eq!(trigger.next_fire_time(None, at("2020-01-01 00:00:21")), None);
}

#[test]
fn or_keeps_the_fires_of_the_other_triggers() {
    let date = Arc::new(DateTrigger::at(at("2020-01-01 00:00:15")));
    let trigger =
        OrTrigger::new(vec![every_ten_seconds(0), date, every_ten_seconds(7000)]).unwrap();
    let (mut previous, mut fires) = (None, Vec::new());
    for _ in 0..6 {
        previous = trigger.next_fire_time(previous, at("2020-01-01"));
        fires.push((previous.unwrap() - at("2020-01-01")).num_seconds());
    }
    assert_eq!(fires, [0, 7, 10, 15, 17, 20]);
    let first = at("2020-01-01");
    for (until, last) in [(6, 0), (16, 15), (1_000_016, 1_000_010), (1_000_017, 1_000_017)] {
        let found = trigger.last_fire_time(first, first + TimeDelta::seconds(until));
        assert_eq!((found - first).num_seconds(), last);
    }
}

#[test]
fn the_zone_is_that_of_the_trigger_that_fires() {
    let berlin: Zone = "Europe/Berlin".parse().unwrap();
    let tokyo: Zone = "Asia/Tokyo".parse().unwrap();
    let config = |kind: &str| {
        json!({"type": kind, "triggers": [
            {"type": "cron", "hour": "9", "timezone": "Europe/Berlin"},
            {"type": "cron", "hour": "*", "timezone": "Asia/Tokyo"},
        ]})
    };
    let or = trigger(&config("or"));
    assert_eq!(or.zone(at("2020-01-01 09:00:00")), berlin);
    assert_eq!(or.zone(at("2020-01-01 10:00:00")), tokyo);
    assert_eq!(or.zone(at("2020-01-01 10:00:01")), berlin);
    assert_eq!(trigger(&config("and")).zone(at("2020-01-01 10:00:00")), berlin);
}
