//! APScheduler's `tests/triggers/test_interval.py`.

mod berlin;
mod built;

use apscheduler_core::trigger::TriggerConfig;
use std::collections::HashSet;
use std::time::Duration;

use apscheduler_core::time::{Clock as _, SystemClock};
use apscheduler_core::trigger::Trigger;
use apscheduler_triggers::IntervalTrigger;
use berlin::{at, next, trigger, try_trigger};
use chrono::TimeDelta;
use serde_json::json;

/// Returns a trigger that fires every second, from a time in 2009 on.
fn every_second() -> std::sync::Arc<dyn Trigger> {
    trigger(&json!({"type": "interval", "seconds": 1, "start_date": "2009-08-04 00:00:02"}))
}

#[test]
fn invalid_interval() {
    let error = try_trigger(&json!({"type": "interval", "weeks": "1-6"})).unwrap_err().to_string();
    assert_eq!(error, "trigger `interval`: weeks: expected a number, found text \"1-6\"");
    let error =
        try_trigger(&json!({"type": "interval", "days": 1, "hours": -25})).unwrap_err().to_string();
    assert_eq!(
        error,
        "trigger `interval`: the interval must not be negative; its parts add up to -3600 seconds"
    );
}

#[test]
fn start_end_times_string() {
    let config = json!({"type": "interval", "start_date": "2016-11-05 05:06:53", "end_date": "2017-11-05 05:11:32"});
    let options = TriggerConfig::of(&*trigger(&config)).unwrap().options;
    assert_eq!(options["start_date"], "2016-11-05T05:06:53+01:00");
    assert_eq!(options["end_date"], "2017-11-05T05:11:32+01:00");
}

#[test]
fn before() {
    assert_eq!(
        next(&*every_second(), None, "2009-08-04 00:00:00").unwrap(),
        "2009-08-04 00:00:02 CEST"
    );
}

#[test]
fn within() {
    assert_eq!(
        next(&*every_second(), None, "2009-08-04 00:00:02.001000").unwrap(),
        "2009-08-04 00:00:03 CEST"
    );
}

#[test]
fn no_start_date() {
    let stored = trigger(&json!({"type": "interval", "seconds": 2}));
    assert_eq!(next(&*stored, None, "2020-01-01").unwrap(), "2020-01-01 00:00:02 CET");

    let before = SystemClock.now();
    let trigger = IntervalTrigger::every(Duration::from_secs(2));
    let now = SystemClock.now();
    let fire = trigger.next_fire_time(None, now).unwrap();
    assert!(before + TimeDelta::seconds(2) <= fire && fire <= now + TimeDelta::seconds(2));
}

#[test]
fn different_tz() {
    let now = "2009-08-03 22:00:02.001000-01:00";
    assert_eq!(next(&*every_second(), None, now).unwrap(), "2009-08-04 01:00:03 CEST");
}

#[test]
fn end_date() {
    let trigger = trigger(&json!({
        "type": "interval", "minutes": 5, "start_date": "2014-05-26", "end_date": "2014-05-26 00:07:00",
    }));
    assert_eq!(next(&*trigger, None, "2014-05-26 00:02:00").unwrap(), "2014-05-26 00:05:00 CEST");
    assert_eq!(next(&*trigger, None, "2014-05-26 00:06:00"), None);
    assert_eq!(next(&*trigger, Some(at("2014-05-26 00:05:00")), "2014-05-26 00:05:00"), None);
}

#[test]
fn dst_change() {
    let trigger = trigger(&json!({
        "type": "interval", "hours": 1, "start_date": "2013-03-01", "timezone": "US/Eastern",
    }));
    assert_eq!(
        next(&*trigger, None, "2013-03-10 01:05:00-05:00").unwrap(),
        "2013-03-10 03:00:00 EDT"
    );
    assert_eq!(
        next(&*trigger, None, "2013-11-03 01:05:00-04:00").unwrap(),
        "2013-11-03 01:00:00 EST"
    );
}

#[test]
fn space_in_expr() {
    let trigger = trigger(&json!({"type": "cron", "day": "1-2, 4-7"}));
    assert_eq!(trigger.to_string(), "cron[day='1-2,4-7']");
}

#[test]
fn str() {
    assert_eq!(every_second().to_string(), "interval[0:00:01]");
}

#[test]
fn pickle() {
    let config = json!({
        "type": "interval", "days": 20, "minutes": 13, "seconds": 2.25, "start_date": "2016-04-03T00:00:00.000025+02:00",
        "end_date": "2036-04-03T00:00:00+02:00", "timezone": "Europe/Berlin", "jitter": 12,
    });
    assert_eq!(serde_json::to_value(&*trigger(&config)).unwrap(), config);
    let weeks = trigger(&json!({"type": "interval", "weeks": 2, "days": "6", "minutes": 13}));
    assert_eq!(weeks.to_string(), "interval[20 days, 0:13:00]");
}

#[test]
fn jitter_produces_different_valid_results() {
    let trigger = trigger(
        &json!({"type": "interval", "seconds": 5, "jitter": 3, "start_date": "2020-01-01"}),
    );
    let now = at("2020-01-01 00:00:01");
    let fires: HashSet<_> = (0..100).map(|_| trigger.next_fire_time(None, now).unwrap()).collect();
    for fire in &fires {
        let wait = *fire - now;
        assert!(TimeDelta::seconds(4) <= wait && wait <= TimeDelta::seconds(7), "{wait}");
    }
    assert!(fires.len() > 1);
}

#[test]
fn jitter_dst_change() {
    for (start, expected) in [
        ("2013-03-10 01:35:00-05:00", "2013-03-10 03:35:00-04:00"),
        ("2013-11-03 01:35:00-04:00", "2013-11-03 01:35:00-05:00"),
    ] {
        let config = json!({"type": "interval", "hours": 1, "start_date": start, "jitter": 5, "timezone": "US/Eastern"});
        let trigger = trigger(&config);
        for _ in 0..100 {
            let now = at(start) + TimeDelta::seconds(1);
            let delay = trigger.next_fire_time(None, now).unwrap() - at(expected);
            assert!(TimeDelta::zero() <= delay && delay <= TimeDelta::seconds(5), "{delay}");
        }
    }
}

#[test]
fn jitter_with_end_date() {
    let end = at("2017-11-12 06:56:00");
    let start = at("2017-11-12 06:55:59");
    let trigger = IntervalTrigger::every(Duration::from_secs(5)).start_date(start).end_date(end);
    let trigger = trigger.jitter(Duration::from_secs(5));
    for _ in 0..100 {
        let fire = trigger.next_fire_time(None, at("2017-11-12 06:55:58")).unwrap();
        assert!(start <= fire && fire <= end);
    }
}
