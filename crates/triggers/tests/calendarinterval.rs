//! APScheduler's `tests/triggers/test_calendarinterval.py`.

mod berlin;
mod built;

use apscheduler_core::trigger::TriggerConfig;
use berlin::{at, next, trigger, try_trigger};
use serde_json::json;

#[test]
fn bad_interval() {
    let error = try_trigger(&json!({"type": "calendarinterval"})).unwrap_err().to_string();
    assert!(
        error.starts_with("trigger `calendarinterval`: interval must be at least 1 day long"),
        "{error}"
    );
    let error =
        try_trigger(&json!({"type": "calendarinterval", "days": -1})).unwrap_err().to_string();
    assert_eq!(
        error,
        "trigger `calendarinterval`: days: -1 is out of range; expected 0 to 4294967295"
    );
}

#[test]
fn bad_start_end_dates() {
    let config = json!({"type": "calendarinterval", "days": 1, "start_date": "2016-03-04", "end_date": "2016-03-03"});
    let error = try_trigger(&config).unwrap_err().to_string();
    assert_eq!(error, "trigger `calendarinterval`: end_date cannot be earlier than start_date");
}

#[test]
fn end_date() {
    let trigger = trigger(&json!({
        "type": "calendarinterval", "days": 1, "start_date": "2020-12-31", "end_date": "2020-12-31",
    }));
    assert_eq!(next(&*trigger, None, "2020-06-01").unwrap(), "2020-12-31 00:00:00 CET");
    assert_eq!(next(&*trigger, Some(at("2020-12-31")), "2020-06-01"), None);
}

#[test]
fn missing_time() {
    let trigger = trigger(&json!({
        "type": "calendarinterval", "days": 1, "hour": 2, "minute": 30, "start_date": "2016-03-27",
    }));
    assert_eq!(next(&*trigger, None, "2016-03-01").unwrap(), "2016-03-28 02:30:00 CEST");
}

#[test]
fn repeated_time() {
    let trigger = trigger(&json!({
        "type": "calendarinterval", "days": 2, "hour": 2, "minute": 30, "start_date": "2016-10-30",
    }));
    assert_eq!(next(&*trigger, None, "2016-03-01").unwrap(), "2016-10-30 02:30:00 CEST");
    assert_eq!(
        next(&*trigger, None, "2016-10-30 02:30:00+01:00").unwrap(),
        "2016-11-01 02:30:00 CET"
    );
}

#[test]
fn nonexistent_days() {
    let trigger =
        trigger(&json!({"type": "calendarinterval", "months": 1, "start_date": "2016-03-31"}));
    assert_eq!(next(&*trigger, None, "2016-03-01").unwrap(), "2016-03-31 00:00:00 CEST");
    assert_eq!(
        next(&*trigger, Some(at("2016-03-31")), "2016-03-01").unwrap(),
        "2016-05-31 00:00:00 CEST"
    );
}

#[test]
fn repr() {
    let config = json!({
        "type": "calendarinterval", "years": 1, "months": 5, "weeks": 6, "days": 8, "hour": 3, "minute": 0, "second": 8,
        "start_date": "2016-03-05", "end_date": "2020-12-25", "timezone": "Europe/Berlin",
    });
    let trigger = trigger(&config);
    assert_eq!(serde_json::to_value(&*trigger).unwrap(), config);
    assert_eq!(
        trigger.to_string(),
        "calendarinterval[years=1, months=5, weeks=6, days=8, time='03:00:08']"
    );
}

#[test]
fn utc_timezone() {
    let trigger = trigger(&json!({
        "type": "calendarinterval", "days": 1, "hour": 1, "start_date": "2016-03-31", "timezone": "UTC",
    }));
    assert_eq!(next(&*trigger, None, "2016-03-01").unwrap(), "2016-03-31 01:00:00 UTC");
}

/// Samoa skipped December 30, 2011.
#[test]
fn a_date_that_the_zone_skips_does_not_fire() {
    let trigger = trigger(&json!({
        "type": "calendarinterval", "days": 1, "hour": 3, "start_date": "2011-12-29", "timezone": "Pacific/Apia",
    }));
    let first = trigger.next_fire_time(None, at("2011-12-01")).unwrap();
    assert_eq!(trigger.zone(first).iso(first), "2011-12-29T03:00:00-10:00");
    let second = trigger.next_fire_time(Some(first), first).unwrap();
    assert_eq!(trigger.zone(second).iso(second), "2011-12-31T03:00:00+14:00");
}

#[test]
fn the_first_fire_is_not_in_the_past() {
    let trigger = trigger(
        &json!({"type": "calendarinterval", "days": 3, "hour": 8, "start_date": "2016-03-01"}),
    );
    assert_eq!(next(&*trigger, None, "2020-01-01").unwrap(), "2020-01-01 08:00:00 CET");
    assert_eq!(next(&*trigger, None, "2020-01-01 08:00:01").unwrap(), "2020-01-04 08:00:00 CET");
}

#[test]
fn the_default_start_is_today_in_the_zone() {
    // When the new year begins in Berlin, it is still the old year in New York.
    let config = json!({"type": "calendarinterval", "years": 1, "timezone": "America/New_York"});
    assert_eq!(TriggerConfig::of(&*trigger(&config)).unwrap().options["start_date"], "2019-12-31");
}
