//! What holds for every trigger in every zone.

#![allow(clippy::unwrap_used, reason = "tests")]

mod built;
mod wall_clock;

use apscheduler_core::time::{Timestamp, Zone};
use built::rebuild;
use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, TimeZone as _};
use chrono_tz::TZ_VARIANTS;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::Config;
use serde_json::{Value, json};
use wall_clock::{at, config, dates, in_every_zone, times, trigger};

#[test]
fn calendarinterval_keeps_its_time_of_day() {
    let amounts = (0..3_u32, 0..14_u32, 0..3_u32, 1..40_u32);
    let strategy =
        (amounts, 0..86_400_u32, 1975..2037_i32, 1..=12_u32, 1..=28_u32, 0..20_000_000_i64);
    in_every_zone(
        3,
        &strategy,
        |zone, ((years, months, weeks, days), time, year, month, day, later)| {
            let start = NaiveDate::from_ymd_opt(year, month, day).unwrap();
            let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
            let trigger = trigger(&json!({
                "type": "calendarinterval", "years": years, "months": months, "weeks": weeks, "days": days,
                "hour": hour, "minute": minute, "second": second,
                "start_date": start.to_string(), "timezone": zone.name(),
            }));
            let now = at(start.and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp() + later);
            let (mut date, mut previous) = (start, None);
            for _ in 0..20 {
                let fire: Timestamp = trigger.next_fire_time(previous, now).unwrap();
                assert!(fire > previous.unwrap_or(now - TimeDelta::nanoseconds(1)));
                let expected = loop {
                    let wall = date.and_hms_opt(hour, minute, second).unwrap();
                    let moved = date + chrono::Months::new(years * 12 + months);
                    // `Months` clamps to the end of a month; the trigger goes on instead.
                    date = if moved.day() == date.day() { moved } else { return };
                    date += TimeDelta::days(i64::from(weeks * 7 + days));
                    match zone.from_local_datetime(&wall).earliest() {
                        Some(instant) if instant.to_utc() >= now => break instant.to_utc(),
                        _ => {}
                    }
                };
                assert_eq!(fire, expected, "{}", trigger.config().options["start_date"]);
                previous = Some(fire);
            }
        },
    );
}

/// A random trigger, without jitter.
fn any_config() -> impl Strategy<Value = Value> {
    let zone = || select(&TZ_VARIANTS[..]);
    let cron = (zone(), dates(), times()).prop_map(|(zone, mut fields, times)| {
        fields.extend(times);
        config(zone, &fields)
    });
    let interval = (zone(), 1..10_000_000_000_000_u64, 0..2_000_000_000_i64).prop_map(|(zone, micros, start)| {
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let seconds = micros as f64 / 1e6;
        let start = Zone::from(zone).iso(at(start) + TimeDelta::microseconds(7));
        json!({"type": "interval", "seconds": seconds, "start_date": start, "timezone": zone.name()})
    });
    let calendar =
        (zone(), 0..14_u32, 1..40_u32, 0..24_u32).prop_map(|(zone, months, days, hour)| {
            json!({
                "type": "calendarinterval", "months": months, "days": days, "hour": hour,
                "start_date": "2020-02-29", "timezone": zone.name(),
            })
        });
    prop_oneof![3 => cron, 1 => interval, 1 => calendar]
}

proptest! {
    #![proptest_config(Config { cases: 300, failure_persistence: None, ..Config::default() })]

    #[test]
    fn an_interval_is_a_grid(
        micros in 1..1_000_000_000_000_i64, start in -10_000_000_000_i64..10_000_000_000,
        instant in 0..2_000_000_000_000_000_000_i64, fired in any::<bool>(),
    ) {
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let seconds = micros as f64 / 1e6;
        let start = at(start);
        let trigger = trigger(&json!({
            "type": "interval", "seconds": seconds, "start_date": Zone::UTC.iso(start), "timezone": "UTC",
        }));
        let instant = DateTime::from_timestamp_nanos(instant);
        let fire = trigger.next_fire_time(fired.then_some(instant), instant).unwrap();
        let interval = TimeDelta::microseconds(micros);
        let along = (fire - start).num_microseconds().unwrap();
        prop_assert!(along >= 0 && along % micros == 0);
        let missed = if fired { fire <= instant } else { fire < instant };
        prop_assert!(!missed);
        let before = fire - interval;
        let first = before < start || if fired { before <= instant } else { before < instant };
        prop_assert!(first);
    }

    #[test]
    fn jitter_delays_within_its_bounds(
        config in any_config(), jitter in 1..100_000_u32, now in 1_500_000_000..2_000_000_000_i64,
    ) {
        let plain = trigger(&config);
        let mut config = config;
        config["jitter"] = jitter.into();
        let first = plain.next_fire_time(None, at(now));
        let end = first.map(|first| first + TimeDelta::seconds(i64::from(jitter / 2)));
        if config["type"] != "calendarinterval" && let Some(end) = end {
            config["end_date"] = Zone::UTC.iso(end).into();
        }
        let delayed = trigger(&config);
        let mut previous = None;
        for _ in 0..5 {
            // The base is what the trigger without jitter gives, for any previous fire.
            let base = match previous {
                Some(previous) if config["type"] == "calendarinterval" => plain.next_fire_time(None, previous + TimeDelta::nanoseconds(1)),
                _ => plain.next_fire_time(previous, at(now)),
            };
            let Some(fire) = delayed.next_fire_time(previous, at(now)) else { break };
            let base = base.unwrap();
            prop_assert!(base <= fire && fire <= base + TimeDelta::seconds(i64::from(jitter)));
            prop_assert!(Some(fire) > previous);
            prop_assert!(config["end_date"].is_null() || Some(fire) <= end);
            previous = Some(fire);
        }
    }

    #[test]
    fn a_stored_trigger_goes_on_as_before(
        configs in proptest::collection::vec(any_config(), 1..4), now in 1_500_000_000..2_000_000_000_i64,
    ) {
        let all = [configs[0].clone(), json!({"type": "or", "triggers": configs})];
        for config in all {
            let trigger = trigger(&config);
            let stored = trigger.config();
            let json = serde_json::to_string(&stored).unwrap();
            let restored = rebuild(&serde_json::from_str(&json).unwrap(), "Asia/Tokyo".parse().unwrap(), at(7)).unwrap();
            prop_assert_eq!(restored.config(), stored);
            prop_assert_eq!(restored.to_string(), trigger.to_string());
            let mut previous = None;
            for _ in 0..5 {
                let next = trigger.next_fire_time(previous, at(now));
                prop_assert_eq!(restored.next_fire_time(previous, at(now)), next);
                let Some(fire) = next else { break };
                prop_assert_eq!(restored.zone(fire), trigger.zone(fire));
                previous = Some(fire);
            }
        }
    }
}
