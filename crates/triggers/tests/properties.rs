//! Properties of every trigger in every zone.

#![allow(clippy::unwrap_used, reason = "tests")]

mod built;
mod wall_clock;

use apscheduler_core::time::{Timestamp, Zone};
use apscheduler_core::trigger::{Trigger, TriggerConfig};
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
                    // `Months` clamps to the end of a month; the trigger skips the month instead.
                    date = if moved.day() == date.day() { moved } else { return };
                    date += TimeDelta::days(i64::from(weeks * 7 + days));
                    match zone.from_local_datetime(&wall).earliest() {
                        Some(instant) if instant.to_utc() >= now => break instant.to_utc(),
                        _ => {}
                    }
                };
                assert_eq!(
                    fire,
                    expected,
                    "{}",
                    TriggerConfig::of(&*trigger).unwrap().options["start_date"]
                );
                previous = Some(fire);
            }
        },
    );
}

/// Generates triggers without jitter.
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
        (zone(), 0..14_u32, 0..40_u32, 0..24_u32).prop_map(|(zone, months, days, hour)| {
            let days = if months == 0 { days.max(1) } else { days };
            json!({
                "type": "calendarinterval", "months": months, "days": days, "hour": hour,
                "start_date": "2020-02-29", "timezone": zone.name(),
            })
        });
    prop_oneof![3 => cron, 1 => interval, 1 => calendar]
}

/// Generates triggers of any type; some have jitter, and some contain others.
fn any_jittered_config() -> impl Strategy<Value = Value> {
    let date = (0..2_000_000_000_i64)
        .prop_map(|seconds| json!({"type": "date", "run_date": Zone::UTC.iso(at(seconds))}));
    let with_jitter = |config: BoxedStrategy<Value>| {
        (config, proptest::option::of(1..1_000_000_u32)).prop_map(|(mut config, jitter)| {
            if let Some(jitter) = jitter {
                config["jitter"] = jitter.into();
            }
            config
        })
    };
    // Fields that match once in centuries take long to search for.
    let fires = any_config().prop_filter("it fires often enough", |config| {
        let trigger = trigger(config);
        let within_years = |from| {
            let fire = trigger.next_fire_time(None, at(from));
            fire.is_some_and(|fire| fire < at(from + 200_000_000))
        };
        within_years(1_400_000_000) && within_years(2_000_000_000)
    });
    let single = prop_oneof![6 => with_jitter(fires.boxed()), 1 => date];
    single.prop_recursive(2, 6, 3, move |inner| {
        let children = proptest::collection::vec(inner, 1..4);
        let combined = (select(&["and", "or"][..]), children).prop_map(|(kind, children)| {
            let mut config = json!({"type": kind, "triggers": children});
            if kind == "and" {
                config["max_iterations"] = 5.into();
            }
            config
        });
        with_jitter(combined.boxed())
    })
}

/// Whether an `and` in the trigger gives up its search from here. From a later time, the same number of rounds leads further,
/// so the next fire then depends on where the search begins.
fn gives_up(trigger: &dyn Trigger, from: Timestamp) -> bool {
    trigger.diagnose(from).is_some()
}

/// Returns the config without jitter, also in nested triggers.
fn without_jitter(config: &Value) -> Value {
    let mut config = config.clone();
    let table = config.as_object_mut().unwrap();
    table.remove("jitter");
    if let Some(Value::Array(triggers)) = table.get_mut("triggers") {
        for trigger in triggers {
            *trigger = without_jitter(trigger);
        }
    }
    config
}

proptest! {
    #![proptest_config(Config { cases: 300, failure_persistence: None, ..Config::default() })]

    #[test]
    fn interval_fires_form_a_grid(
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
            // The base is the fire time of the trigger without jitter, for any previous fire.
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
    fn a_stored_trigger_continues_unchanged(
        configs in proptest::collection::vec(any_config(), 1..4), now in 1_500_000_000..2_000_000_000_i64,
    ) {
        let all = [configs[0].clone(), json!({"type": "or", "triggers": configs})];
        for config in all {
            let trigger = trigger(&config);
            let stored = TriggerConfig::of(&*trigger).unwrap();
            let json = serde_json::to_string(&stored).unwrap();
            let restored = rebuild(&serde_json::from_str(&json).unwrap(), "Asia/Tokyo".parse().unwrap(), at(7)).unwrap();
            prop_assert_eq!(TriggerConfig::of(&*restored).unwrap(), stored);
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

proptest! {
    // Some take long to search: triggers that never coincide.
    #![proptest_config(Config { cases: 50, failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_previous_time_off_the_grid_does_not_shift_the_grid(
        config in any_jittered_config(), now in 0..2_000_000_000_i64,
        offs in proptest::collection::vec((0.0..1.0_f64, 1..1_000_000_u32), 5),
    ) {
        let trigger = trigger(&config);
        // The result of a walk over the fires, whatever was run manually in between.
        let mut previous = trigger.next_grid_time(None, at(now)).unwrap_or(at(now));
        for (share, micros) in offs {
            if gives_up(&*trigger, previous + TimeDelta::nanoseconds(1)) {
                break;
            }
            let Some(next) = trigger.next_grid_time(Some(previous), at(now)) else { break };
            #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "random")]
            let along = ((next - previous).num_microseconds().unwrap() as f64 * share) as i64;
            let by_hand = previous + TimeDelta::microseconds(along) + TimeDelta::nanoseconds(micros.into());
            if by_hand < next {
                prop_assert_eq!(trigger.next_grid_time(Some(by_hand), by_hand), Some(next), "after {}", by_hand);
                prop_assert_eq!(trigger.last_fire_time(by_hand, next - TimeDelta::nanoseconds(1)), by_hand);
                let last = trigger.last_fire_time(by_hand, next);
                // Jitter may delay it, but not past the instant.
                prop_assert_eq!(last, next, "from {}", by_hand);
            }
            previous = next;
        }
    }

    #[test]
    fn jitter_neither_loses_nor_adds_fires(config in any_jittered_config(), now in 1_500_000_000..2_000_000_000_i64) {
        let (plain, jittered) = (trigger(&without_jitter(&config)), trigger(&config));
        let mut base = plain.next_fire_time(None, at(now));
        let (mut from, mut previous) = (at(now), None);
        for _ in 0..8 {
            if gives_up(&*plain, from) {
                break;
            }
            prop_assert_eq!(jittered.next_grid_time(previous, at(now)), base);
            let fire = jittered.next_fire_time(previous, at(now));
            let Some(grid_time) = base else {
                prop_assert_eq!(fire, None);
                break;
            };
            let next = plain.next_fire_time(base, at(now));
            let fire = fire.unwrap();
            prop_assert!(grid_time <= fire && next.is_none_or(|next| fire < next), "{} of {}", fire, grid_time);
            from = grid_time + TimeDelta::nanoseconds(1);
            (base, previous) = (next, Some(fire));
        }
    }

    #[test]
    fn or_fires_whenever_one_of_its_triggers_fires_with_any_jitter(
        configs in proptest::collection::vec(any_jittered_config(), 1..4), now in 1_500_000_000..2_000_000_000_i64,
    ) {
        let children: Vec<_> = configs.iter().map(|config| trigger(&without_jitter(config))).collect();
        let or = trigger(&json!({"type": "or", "triggers": configs, "jitter": 3600}));
        let mut previous = Some(at(now));
        for _ in 0..10 {
            let Some(fire) = or.next_fire_time(previous, at(now)) else { break };
            // No child has more than one time from the last fire to before the next one.
            let due: Vec<_> = children
                .iter()
                .filter_map(|child| child.next_fire_time(previous, at(now)).filter(|time| *time <= fire))
                .collect();
            prop_assert!(!due.is_empty(), "{} belongs to no trigger", fire);
            prop_assert!(due.iter().all(|time| *time == due[0]), "{} matches {:?}", fire, due);
            previous = Some(fire);
        }
        if let Some(last) = previous.filter(|_| or.next_fire_time(previous, at(now)).is_none()) {
            prop_assert!(children.iter().all(|child| child.next_fire_time(Some(last), last).is_none()));
        }
    }
}
