//! Cron fires at every instant whose wall clock time matches and at no other, compared with chrono and chrono-tz.

#![allow(clippy::unwrap_used, reason = "tests")]

mod built;
mod wall_clock;

use apscheduler_core::time::Timestamp;
use apscheduler_core::trigger::Trigger;
use chrono::{Datelike, NaiveDate, NaiveDateTime, Offset as _, TimeDelta, TimeZone as _, Timelike};
use chrono_tz::{TZ_VARIANTS, Tz};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::Config;
use serde_json::json;
use wall_clock::{Field, Piece, at, config, dates, in_every_zone, times, trigger};

fn matches(fields: &[Field], wall: NaiveDateTime) -> bool {
    fields.iter().all(|field| {
        let value = match field.name {
            "month" => wall.month(),
            "day" => wall.day(),
            "week" => wall.iso_week().week(),
            "day_of_week" => wall.weekday().num_days_from_monday(),
            "hour" => wall.hour(),
            "minute" => wall.minute(),
            "second" => wall.second(),
            other => unreachable!("{other}"),
        };
        field.pieces.iter().any(|piece| piece_matches(piece, value, wall.date()))
    })
}

fn piece_matches(piece: &Piece, value: u32, date: NaiveDate) -> bool {
    let last = u32::from(date.num_days_in_month());
    match piece {
        Piece::Values(_, values) => values.contains(&value),
        Piece::Weekday(position, weekday) => {
            let in_position =
                if *position == 5 { date.day() + 7 > last } else { date.day0() / 7 == *position };
            date.weekday().num_days_from_monday() == *weekday && in_position
        }
        Piece::Last => date.day() == last,
    }
}

fn wall(zone: Tz, seconds: i64) -> NaiveDateTime {
    at(seconds).with_timezone(&zone).naive_local()
}

fn offset(zone: Tz, seconds: i64) -> i32 {
    zone.offset_from_utc_datetime(&at(seconds).naive_utc()).fix().local_minus_utc()
}

/// Returns the first change of offset in a year, or its middle.
fn change(zone: Tz, year: i32) -> i64 {
    let start = NaiveDate::from_ymd_opt(year, 1, 1)
        .unwrap()
        .and_hms_opt(0, 0, 0)
        .unwrap()
        .and_utc()
        .timestamp();
    for day in 0..366 {
        let (mut same, mut changed) = (start + day * 86_400, start + (day + 1) * 86_400);
        let before = offset(zone, same);
        if offset(zone, changed) != before {
            while changed - same > 1 {
                let middle = i64::midpoint(same, changed);
                *(if offset(zone, middle) == before { &mut same } else { &mut changed }) = middle;
            }
            return changed;
        }
    }
    start + 183 * 86_400
}

/// Returns all fires from one instant to another, in seconds.
fn fires(trigger: &dyn Trigger, from: i64, to: i64) -> Vec<i64> {
    let mut fires = Vec::new();
    let mut next = trigger.next_fire_time(None, at(from));
    while let Some(fire) = next.filter(|fire| *fire < at(to)) {
        fires.push(fire.timestamp());
        next = trigger.next_fire_time(Some(fire), at(from));
    }
    fires
}

/// Counts the fires of `stretch` seconds before and after a change of offset, second by second.
fn check_around(zone: Tz, change: i64, stretch: i64, fields: &[Field]) {
    let (from, to) = (change - stretch, change + stretch);
    let expected: Vec<i64> =
        (from..to).filter(|second| matches(fields, wall(zone, *second))).collect();
    assert_eq!(
        fires(&*trigger(&config(zone, fields)), from, to),
        expected,
        "{}",
        config(zone, fields)
    );
}

#[test]
fn cron_fires_at_every_match_and_nowhere_else_around_changes() {
    // Since 1973, every minute has the same seconds in every zone, so checking minutes is enough.
    in_every_zone(4, &(times(), 1973..2038), |zone, (fields, year)| {
        let change = change(zone, year);
        let (from, to) = (change - 5 * 3600, change + 5 * 3600);
        let (hours_and_minutes, seconds) = fields.split_at(2);
        let matching_second = |second: &i64| matches(seconds, at(*second).naive_utc());
        let expected: Vec<i64> = (from..to)
            .step_by(60)
            .filter(|minute| matches(hours_and_minutes, wall(zone, *minute)))
            .flat_map(|minute| (minute..minute + 60).filter(matching_second))
            .collect();
        assert_eq!(
            fires(&*trigger(&config(zone, &fields)), from, to),
            expected,
            "{}",
            config(zone, &fields)
        );
    });
}

proptest! {
    #![proptest_config(Config { cases: 12, failure_persistence: None, ..Config::default() })]

    #[test]
    fn cron_handles_the_most_unusual_changes(fields in times()) {
        for (zone, year) in [
            (Tz::Africa__Monrovia, 1972),    // by 44 minutes and 30 seconds
            (Tz::Pacific__Apia, 2011),       // a day was skipped
            (Tz::Pacific__Kwajalein, 1993),  // a day was skipped
            (Tz::America__St_Johns, 1988),   // by two hours, at a minute past midnight
            (Tz::Australia__Lord_Howe, 2020), // by half an hour
            (Tz::Antarctica__Troll, 2020),   // by two hours
        ] {
            check_around(zone, change(zone, year), 2 * 3600, &fields);
        }
    }

    #[test]
    fn a_leap_ends_where_single_steps_end(zone in select(&TZ_VARIANTS[..]), fields in times(), year in 1973..2038) {
        let trigger = trigger(&config(zone, &fields));
        let from = change(zone, year) - 86_400;
        let fires = fires(&*trigger, from, from + 2 * 86_400);
        if let (Some(first), Some(last)) = (fires.first(), fires.last()) {
            prop_assert_eq!(trigger.last_fire_time(at(*first), at(from + 2 * 86_400 - 1)), at(*last));
            let middle = fires[fires.len() / 2];
            prop_assert_eq!(trigger.last_fire_time(at(*first), at(middle)), at(middle));
        }
    }
}

#[test]
fn cron_fires_match_every_field_and_skip_no_day() {
    in_every_zone(
        3,
        &(dates(), times(), 0..2_000_000_000_i64),
        |zone, (mut fields, times, start)| {
            let dates = fields.clone();
            fields.extend(times);
            let trigger = trigger(&config(zone, &fields));
            let mut previous: Option<Timestamp> = None;
            for _ in 0..20 {
                let Some(fire) = trigger.next_fire_time(previous, at(start)) else { break };
                assert!(fire > previous.unwrap_or(at(start - 1)), "{fire} after {previous:?}");
                let shown = wall(zone, fire.timestamp());
                assert!(matches(&fields, shown), "{shown}: {}", config(zone, &fields));
                let before = wall(zone, previous.map_or(start, |fire| fire.timestamp())).date();
                for day in
                    before.iter_days().skip(1).take_while(|day| *day < shown.date()).take(1000)
                {
                    let noon = day.and_hms_opt(12, 0, 0).unwrap();
                    // A day may be skipped if none of its matching times exist: they are in a gap.
                    let exists = |second: i64| {
                        let time = day.and_hms_opt(0, 0, 0).unwrap() + TimeDelta::seconds(second);
                        matches(&fields, time)
                            && zone.from_local_datetime(&time).earliest().is_some()
                    };
                    assert!(
                        !matches(&dates, noon) || !(0..86_400).any(exists),
                        "{day}: {}",
                        config(zone, &fields)
                    );
                }
                previous = Some(fire);
            }
        },
    );
}

proptest! {
    #![proptest_config(Config { cases: 300, failure_persistence: None, ..Config::default() })]

    #[test]
    fn and_fires_when_all_triggers_fire(
        zone in select(&TZ_VARIANTS[..]), hours in times(), days in dates(), now in 0..2_000_000_000_i64,
        pick in any::<Index>(),
    ) {
        let mut both = days.clone();
        both.extend(hours.clone());
        let mut every_second = days;
        every_second.extend(["hour", "minute", "second"].map(|name| {
            Field { name, pieces: vec![Piece::Values("*".into(), (0..60).collect())] }
        }));
        let mut children = vec![config(zone, &hours), config(zone, &every_second)];
        if pick.index(2) == 0 {
            children.reverse();
        }
        let single = trigger(&config(zone, &both));
        let combined = trigger(&json!({"type": "and", "triggers": children}));
        let mut previous = None;
        for _ in 0..5 {
            let expected = single.next_fire_time(previous, at(now));
            prop_assert_eq!(combined.next_fire_time(previous, at(now)), expected);
            previous = expected;
            if previous.is_none() {
                break;
            }
        }
    }
}
