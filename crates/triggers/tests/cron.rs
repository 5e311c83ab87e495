//! APScheduler's `tests/triggers/test_cron.py`.

#![allow(clippy::unwrap_used, reason = "tests")]

mod berlin;
mod built;

use apscheduler_core::trigger::TriggerConfig;
use std::collections::HashSet;

use apscheduler_core::time::Zone;
use apscheduler_triggers::CronTrigger;
use berlin::{at, next, trigger, try_trigger};
use chrono::TimeDelta;
use serde_json::{Value, json};

/// Checks the text and the first fire time of a cron trigger.
#[track_caller]
fn check(config: Value, text: &str, now: &str, expected: Option<&str>) {
    let trigger = trigger(&with_type(config));
    assert_eq!(trigger.to_string(), text);
    assert_eq!(next(&*trigger, None, now).as_deref(), expected);
}

fn with_type(mut config: Value) -> Value {
    config["type"] = "cron".into();
    config
}

#[test]
fn cron_trigger_1() {
    let config = json!({"year": "2009/2", "month": "1/3", "day": "5-13"});
    let text = "cron[year='2009/2', month='1/3', day='5-13']";
    check(config, text, "2008-12-01", Some("2009-01-05 00:00:00 CET"));
}

#[test]
fn cron_trigger_2() {
    let config = json!({"year": "2009/2", "month": "1/3", "day": "5-13"});
    let text = "cron[year='2009/2', month='1/3', day='5-13']";
    check(config, text, "2009-10-14", Some("2011-01-05 00:00:00 CET"));
}

#[test]
fn cron_trigger_3() {
    let config = json!({"year": "2009", "month": "feb-dec", "hour": "8-10"});
    let text = "cron[year='2009', month='feb-dec', hour='8-10']";
    check(config, text, "2009-01-01", Some("2009-02-01 08:00:00 CET"));
}

#[test]
fn cron_trigger_4() {
    let config = json!({"year": "2012", "month": "2", "day": "last"});
    let text = "cron[year='2012', month='2', day='last']";
    check(config, text, "2012-02-01", Some("2012-02-29 00:00:00 CET"));
}

#[test]
fn start_end_times_string() {
    let config = json!({"type": "cron", "start_date": "2016-11-05 05:06:53", "end_date": "2017-11-05 05:11:32"});
    let options = TriggerConfig::of(&*trigger(&config)).unwrap().options;
    assert_eq!(options["start_date"], "2016-11-05T05:06:53+01:00");
    assert_eq!(options["end_date"], "2017-11-05T05:11:32+01:00");
    assert_eq!(options["timezone"], "Europe/Berlin");
}

#[test]
fn cron_zero_value() {
    let config = json!({"year": 2009, "month": 2, "hour": 0});
    let text = "cron[year='2009', month='2', hour='0']";
    check(config, text, "2009-01-01", Some("2009-02-01 00:00:00 CET"));
}

#[test]
fn cron_year_list() {
    let config = json!({"year": "2009,2008"});
    check(config, "cron[year='2009,2008']", "2009-01-01", Some("2009-01-01 00:00:00 CET"));
}

#[test]
fn cron_start_date() {
    let config =
        json!({"year": "2009", "month": "2", "hour": "8-10", "start_date": "2009-02-03 11:00:00"});
    let text = "cron[year='2009', month='2', hour='8-10']";
    check(config, text, "2009-01-01", Some("2009-02-04 08:00:00 CET"));
}

/// Returns the fire time of a daily trigger after a previous one.
fn after(previous: &str, now: &str) -> Option<String> {
    let trigger = trigger(&json!({"type": "cron", "day": "*"}));
    next(&*trigger, Some(at(previous)), now)
}

#[test]
fn previous_fire_time_1() {
    assert_eq!(after("2015-11-23", "2015-11-26").unwrap(), "2015-11-24 00:00:00 CET");
}

/// APScheduler goes back to a `now` before the previous fire; here only the previous fire counts.
#[test]
fn previous_fire_time_2() {
    assert_eq!(after("2015-11-23", "2015-11-22").unwrap(), "2015-11-24 00:00:00 CET");
}

#[test]
fn previous_fire_time_3() {
    assert_eq!(after("2016-04-25", "2016-04-25").unwrap(), "2016-04-26 00:00:00 CEST");
}

#[test]
fn cron_weekday_overlap() {
    let config = json!({"year": 2009, "month": 1, "day": "6-10", "day_of_week": "2-4"});
    let text = "cron[year='2009', month='1', day='6-10', day_of_week='2-4']";
    check(config, text, "2009-01-01", Some("2009-01-07 00:00:00 CET"));
}

#[test]
fn cron_weekday_nomatch() {
    let config = json!({"year": 2009, "month": 1, "day": "6-10", "day_of_week": "0,6"});
    let text = "cron[year='2009', month='1', day='6-10', day_of_week='0,6']";
    check(config, text, "2009-01-01", None);
}

#[test]
fn cron_weekday_positional() {
    let config = json!({"year": 2009, "month": 1, "day": "4th wed"});
    let text = "cron[year='2009', month='1', day='4th wed']";
    check(config, text, "2009-01-01", Some("2009-01-28 00:00:00 CET"));
}

#[test]
fn week_1() {
    let config = json!({"year": 2009, "month": 2, "week": 8});
    let text = "cron[year='2009', month='2', week='8']";
    check(config, text, "2009-01-01", Some("2009-02-16 00:00:00 CET"));
}

#[test]
fn week_2() {
    let config = json!({"year": 2009, "week": 15, "day_of_week": 2});
    let text = "cron[year='2009', week='15', day_of_week='2']";
    check(config, text, "2009-01-01", Some("2009-04-08 00:00:00 CEST"));
}

#[test]
fn cron_extra_coverage() {
    check(json!({"day": "6,8"}), "cron[day='6,8']", "2009-12-31", Some("2010-01-06 00:00:00 CET"));
}

#[test]
fn cron_faulty_expr() {
    let error =
        try_trigger(&json!({"type": "cron", "year": "2009-fault"})).unwrap_err().to_string();
    assert!(
        error.starts_with("trigger `cron`: year: `2009-fault`: expected `*`, `*/STEP`"),
        "{error}"
    );
}

#[test]
fn cron_increment_weekday() {
    check(
        json!({"hour": "5-6"}),
        "cron[hour='5-6']",
        "2009-09-25 07:00:00",
        Some("2009-09-26 05:00:00 CEST"),
    );
}

#[test]
fn cron_bad_kwarg() {
    let error =
        try_trigger(&json!({"type": "cron", "second": 0, "third": 1})).unwrap_err().to_string();
    assert!(error.starts_with("trigger `cron`: unknown option `third`"), "{error}");
}

#[test]
fn month_rollover() {
    check(json!({"day": 30}), "cron[day='30']", "2016-02-01", Some("2016-03-30 00:00:00 CEST"));
}

#[test]
fn end_date() {
    let config =
        json!({"type": "cron", "year": 2014, "hour": 4, "end_date": "2014-04-13 03:00:00"});
    let trigger = trigger(&config);
    assert_eq!(next(&*trigger, None, "2014-04-12 02:30:00").unwrap(), "2014-04-12 04:00:00 CEST");
    assert_eq!(next(&*trigger, None, "2014-04-13 02:30:00"), None);
}

#[test]
fn different_tz() {
    let config = json!({"year": 2009, "week": 15, "day_of_week": 2});
    let text = "cron[year='2009', week='15', day_of_week='2']";
    check(config, text, "2008-12-31 22:00:00-10:00", Some("2009-04-08 00:00:00 CEST"));
}

#[test]
fn dst_change() {
    let half_past_one = json!({"hour": 1, "minute": 30});
    let half_hours = json!({"minute": "*/30"});
    let cases = [
        (
            "absolute_spring",
            json!({"hour": 8}),
            "2013-03-09 12:00:00-05:00",
            "2013-03-10 08:00:00 EDT",
        ),
        (
            "absolute_autumn",
            json!({"hour": 8}),
            "2013-11-02 12:00:00-04:00",
            "2013-11-03 08:00:00 EST",
        ),
        (
            "before_into_repeated",
            half_past_one.clone(),
            "2013-11-03 00:30:00-04:00",
            "2013-11-03 01:30:00 EDT",
        ),
        (
            "repeated_into_repeated",
            half_past_one.clone(),
            "2013-11-03 01:30:05-04:00",
            "2013-11-03 01:30:00 EST",
        ),
        (
            "repeated_to_after",
            half_past_one,
            "2013-11-03 01:30:05-05:00",
            "2013-11-04 01:30:00 EST",
        ),
        (
            "interval_spring",
            half_hours.clone(),
            "2013-03-10 01:35:00-05:00",
            "2013-03-10 03:00:00 EDT",
        ),
        ("interval_autumn", half_hours, "2013-11-03 01:35:00-04:00", "2013-11-03 01:00:00 EST"),
    ];
    for (name, mut config, start, expected) in cases {
        config["timezone"] = "US/Eastern".into();
        let trigger = trigger(&with_type(config));
        let correct = trigger.next_fire_time(None, at(start)).unwrap();
        assert_eq!(trigger.zone(correct).display(correct), expected, "{name}");
        assert_eq!(trigger.next_fire_time(Some(at(start)), at(start)), Some(correct), "{name}");
        assert_eq!(trigger.next_fire_time(Some(at(start)), correct), Some(correct), "{name}");
    }
}

#[test]
fn dst_change_2() {
    let trigger = trigger(&json!({"type": "cron", "minute": 30, "timezone": "Europe/Helsinki"}));
    let start = "2017-10-29 03:30:00.000005+02:00";
    for previous in [None, Some(at(start))] {
        assert_eq!(next(&*trigger, previous, start).unwrap(), "2017-10-29 04:30:00 EET");
    }
}

#[test]
fn timezone_change() {
    let trigger =
        trigger(&json!({"type": "cron", "hour": 11, "minute": "*/5", "timezone": "-05:00"}));
    let fire = trigger.next_fire_time(None, at("2009-09-26 10:16:00-06:00")).unwrap();
    assert_eq!(trigger.zone(fire).iso(fire), "2009-09-26T11:20:00-05:00");
}

#[test]
fn pickle() {
    let config = json!({
        "type": "cron", "year": "2016", "month": "5-6", "day": "20-28", "hour": "7", "minute": "25", "second": "*",
        "start_date": "2016-01-01T00:00:00.000025+01:00", "end_date": "2016-06-30T00:00:00+02:00",
        "timezone": "Europe/Berlin", "jitter": 2.5,
    });
    let stored = serde_json::to_value(&*trigger(&config)).unwrap();
    assert_eq!(stored, config);
}

#[test]
fn jitter_produces_different_valid_results() {
    let trigger = trigger(&json!({"type": "cron", "minute": "*", "jitter": 5}));
    let now = at("2017-11-12 06:55:30");
    let fires: HashSet<_> = (0..100).map(|_| trigger.next_fire_time(None, now).unwrap()).collect();
    for fire in &fires {
        let wait = *fire - now;
        assert!(TimeDelta::seconds(30) <= wait && wait <= TimeDelta::seconds(35), "{wait}");
    }
    assert!(fires.len() > 1);
}

/// Checks that jitter delays the fire time after `now` by at most five seconds.
#[track_caller]
fn check_jitter(mut config: Value, now: &str, expected: &str) {
    config["jitter"] = 5.into();
    let trigger = trigger(&with_type(config));
    for _ in 0..100 {
        let delay = trigger.next_fire_time(None, at(now)).unwrap() - at(expected);
        assert!(TimeDelta::zero() <= delay && delay <= TimeDelta::seconds(5), "{delay}");
    }
}

#[test]
fn jitter_with_timezone() {
    let config = json!({"hour": 11, "minute": "*/5", "timezone": "-05:00"});
    check_jitter(config, "2009-09-26 10:16:00-06:00", "2009-09-26 11:20:00-05:00");
}

#[test]
fn jitter_dst_change() {
    let cases = [
        (json!({"hour": 8}), "2013-03-09 12:00:00-05:00", "2013-03-10 08:00:00-04:00"),
        (json!({"hour": 8}), "2013-11-02 12:00:00-04:00", "2013-11-03 08:00:00-05:00"),
        (json!({"minute": "*/30"}), "2013-03-10 01:35:00-05:00", "2013-03-10 03:00:00-04:00"),
        (json!({"minute": "*/30"}), "2013-11-03 01:35:00-04:00", "2013-11-03 01:00:00-05:00"),
    ];
    for (mut config, now, expected) in cases {
        config["timezone"] = "US/Eastern".into();
        check_jitter(config, now, expected);
    }
}

#[test]
fn jitter_with_end_date() {
    let end = at("2017-11-12 06:56:00");
    let config =
        json!({"type": "cron", "minute": "*", "jitter": 5, "end_date": "2017-11-12 06:56:00"});
    let trigger = trigger(&config);
    for _ in 0..100 {
        assert_eq!(trigger.next_fire_time(None, at("2017-11-12 06:55:30")), Some(end));
    }
}

#[test]
fn invalid_ranges() {
    let cases = [
        (
            json!({"day": "*/31"}),
            "the step value (31) is higher than the total range of the expression (30)",
        ),
        (
            json!({"day": "4-6/3"}),
            "the step value (3) is higher than the total range of the expression (2)",
        ),
        (json!({"hour": "0-24"}), "the last value (24) is higher than the maximum value (23)"),
        (json!({"day": "0-3"}), "the first value (0) is lower than the minimum value (1)"),
    ];
    for (config, expected) in cases {
        let error = try_trigger(&with_type(config)).unwrap_err().to_string();
        assert!(error.ends_with(expected), "{error}");
    }
}

#[test]
fn from_crontab() {
    let cases = [
        ("* * * * *", "cron[month='*', day='*', day_of_week='*', hour='*', minute='*']"),
        (
            "0-14 * 14-28 jul fri",
            "cron[month='jul', day='14-28', day_of_week='fri', hour='*', minute='0-14']",
        ),
        (
            " 0-14   * 14-28   jul       fri",
            "cron[month='jul', day='14-28', day_of_week='fri', hour='*', minute='0-14']",
        ),
    ];
    for (line, expected) in cases {
        let built = CronTrigger::from_crontab(line, Zone::UTC).unwrap();
        assert_eq!(built.to_string(), expected);
        assert_eq!(trigger(&json!({"type": "cron", "crontab": line})).to_string(), expected);
    }
}

/// APScheduler 3.11.3 returns 06:00 here, because it adds elapsed time across the change.
#[test]
fn the_first_fire_after_a_long_step_across_a_change() {
    let config =
        json!({"type": "cron", "day": "1,15", "hour": "*/6", "timezone": "Europe/Helsinki"});
    let trigger = trigger(&config);
    let previous = at("2027-03-15 18:00:00+02:00");
    assert_eq!(next(&*trigger, Some(previous), "2027-03-15").unwrap(), "2027-04-01 00:00:00 EEST");
}
