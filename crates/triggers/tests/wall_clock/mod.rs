//! Random cron triggers, in a form that tests can evaluate independently.

#![allow(dead_code, reason = "not every test file needs all of it")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use apscheduler_core::time::{Timestamp, Zone};
use apscheduler_core::trigger::Trigger;
use chrono::DateTime;
use chrono_tz::{TZ_VARIANTS, Tz};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value};

use crate::built::build;

/// One expression, with its values if they do not depend on the month.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Values(String, Vec<u32>),
    /// The position in the month, from 0, and the weekday; position 5 is the last.
    Weekday(u32, u32),
    Last,
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) pieces: Vec<Piece>,
}

const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

fn values(min: u32, max: u32) -> impl Strategy<Value = Piece> {
    let range = (min..=max, min..=max).prop_map(|(one, other)| (one.min(other), one.max(other)));
    let stepped = range
        .clone()
        .prop_flat_map(|(first, last)| (Just((first, last)), 1..=(last - first).max(1)));
    prop_oneof![
        (min..=max).prop_map(|value| Piece::Values(value.to_string(), vec![value])),
        range.prop_map(|(first, last)| Piece::Values(
            format!("{first}-{last}"),
            (first..=last).collect()
        )),
        stepped.prop_filter("step fits", |((first, last), step)| first + step <= *last).prop_map(
            |((first, last), step)| {
                let values = (first..=last).step_by(step as usize).collect();
                Piece::Values(format!("{first}-{last}/{step}"), values)
            }
        ),
        (1..=max - min).prop_map(move |step| {
            Piece::Values(format!("*/{step}"), (min..=max).step_by(step as usize).collect())
        }),
    ]
}

fn field(
    name: &'static str,
    piece: impl Strategy<Value = Piece> + 'static,
) -> BoxedStrategy<Field> {
    proptest::collection::vec(piece, 1..4).prop_map(move |pieces| Field { name, pieces }).boxed()
}

fn day() -> impl Strategy<Value = Piece> {
    prop_oneof![
        3 => values(1, 31),
        2 => (0..6_u32, 0..7_u32).prop_map(|(position, weekday)| Piece::Weekday(position, weekday)),
        1 => Just(Piece::Last),
    ]
}

pub(crate) fn dates() -> impl Strategy<Value = Vec<Field>> {
    let maybe = |field: BoxedStrategy<Field>| proptest::option::weighted(0.3, field);
    let fields = (
        maybe(field("month", values(1, 12))),
        maybe(field("day", day())),
        maybe(field("week", values(1, 53))),
        maybe(field("day_of_week", values(0, 6))),
    );
    fields.prop_map(|(month, day, week, weekday)| {
        [month, day, week, weekday].into_iter().flatten().collect()
    })
}

pub(crate) fn times() -> impl Strategy<Value = Vec<Field>> {
    let (hour, minute, second) = (values(0, 23), values(0, 59), values(0, 59));
    (field("hour", hour), field("minute", minute), field("second", second))
        .prop_map(|(h, m, s)| vec![h, m, s])
}

pub(crate) fn config(zone: Tz, fields: &[Field]) -> Value {
    let mut config = Map::new();
    config.insert("type".into(), "cron".into());
    config.insert("timezone".into(), zone.name().into());
    // Less significant fields must not fall back to their lowest value.
    for name in ["month", "day"] {
        config.insert(name.into(), "*".into());
    }
    for field in fields {
        let pieces: Vec<String> = field.pieces.iter().map(Piece::text).collect();
        config.insert(field.name.into(), pieces.join(", ").into());
    }
    Value::Object(config)
}

impl Piece {
    fn text(&self) -> String {
        match self {
            Self::Values(text, _) => text.clone(),
            Self::Weekday(position, weekday) => {
                let position = ["1st", "2nd", "3rd", "4th", "5th", "last"][*position as usize];
                format!("{position} {}", WEEKDAYS[*weekday as usize])
            }
            Self::Last => "last".to_owned(),
        }
    }
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

pub(crate) fn trigger(config: &Value) -> Arc<dyn Trigger> {
    build(config, Zone::UTC, at(0)).unwrap()
}

/// Checks a property `cases` times in each zone.
pub(crate) fn in_every_zone<S: Strategy>(cases: u32, strategy: &S, property: impl Fn(Tz, S::Value))
where
    S::Value: Clone,
{
    for zone in TZ_VARIANTS {
        let config = Config { cases, failure_persistence: None, ..Config::default() };
        let checked = TestRunner::new(config).run(strategy, |value| {
            property(zone, value);
            Ok(())
        });
        if let Err(failure) = checked {
            panic!("{zone}: {failure}");
        }
    }
}
