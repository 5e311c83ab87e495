//! Schedules that never fire are reported with the reason and a remedy.

#![allow(clippy::unwrap_used, reason = "tests")]

mod berlin;
mod built;

use std::sync::Arc;

use apscheduler_core::time::{Timestamp, Zone};
use apscheduler_core::trigger::{Trigger, schedule_warning};
use berlin::at;
use chrono::TimeDelta;
use serde_json::{Value, json};

/// An instant with a fraction of a second, as at a real start.
fn now() -> Timestamp {
    at("2026-11-25 10:00:00") + TimeDelta::microseconds(123_457)
}

fn trigger(config: &Value) -> Arc<dyn Trigger> {
    built::build(config, "Europe/Berlin".parse::<Zone>().unwrap(), now()).unwrap()
}

fn problem(config: &Value) -> String {
    let problem = trigger(config).diagnose(now());
    problem.unwrap_or_else(|| panic!("{config} has no problem"))
}

fn weekend() -> Value {
    json!({"type": "cron", "day_of_week": "sat,sun"})
}

#[test]
fn a_date_that_does_not_exist() {
    assert_eq!(
        problem(&json!({"type": "cron", "crontab": "0 0 31 2 *"})),
        "nothing in the calendar matches all of month='2', day='31', day_of_week='*', hour='0', minute='0'; the last day of a month is `day = \"last\"`"
    );
}

#[test]
fn an_interval_without_start_date_never_meets_a_weekend() {
    let config = json!({"type": "and", "triggers": [{"type": "interval", "hours": 2}, weekend()]});
    assert_eq!(trigger(&config).next_fire_time(None, now()), None);
    assert_eq!(
        problem(&config),
        "its triggers have no fire time in common, and it fires only when all of them do; the next ones are \
         interval[2:00:00] at 2026-11-25T12:00:00.123457+01:00, cron[day_of_week='sat,sun'] at 2026-11-28T00:00:00+01:00; \
         interval[2:00:00] needs a `start_date` at which the others fire, such as \"2026-11-28T00:00:00+01:00\""
    );
    // The suggested fix works.
    let interval =
        json!({"type": "interval", "hours": 2, "start_date": "2026-11-28T00:00:00+01:00"});
    let mended = trigger(&json!({"type": "and", "triggers": [interval, weekend()]}));
    assert_eq!(mended.diagnose(now()), None);
    assert_eq!(mended.next_fire_time(None, now()), Some(at("2026-11-28")));
}

#[test]
fn triggers_that_never_fire_together() {
    let text = problem(&json!({"type": "and", "triggers": [
        {"type": "cron", "minute": "1-59/2"}, {"type": "cron", "minute": "*/2"},
    ]}));
    assert!(text.starts_with("its triggers have no fire time in common"), "{text}");
    assert!(!text.contains("start_date"), "{text}");
}

#[test]
fn a_part_that_never_fires() {
    let never = json!({"type": "cron", "month": 2, "day": 30});
    for kind in ["and", "or"] {
        let config = json!({"type": kind, "triggers": [weekend(), never]});
        let text = problem(&config);
        assert!(
            text.starts_with(
                "triggers[1] (cron[month='2', day='30']) never fires: nothing in the calendar"
            ),
            "{text}"
        );
        let warning = schedule_warning(&*trigger(&config), now()).unwrap();
        assert_eq!(warning.contains("] never fires: triggers[1]"), kind == "and", "{warning}");
    }
}

#[test]
fn an_end_before_the_start() {
    let text = problem(&json!({"type": "interval", "hours": 1, "end_date": "2026-11-25 10:30:00"}));
    assert!(text.starts_with("it ends before its first fire time: `end_date` is 2026"), "{text}");
    let dates =
        json!({"type": "cron", "hour": 3, "start_date": "2027-01-02", "end_date": "2027-01-01"});
    assert_eq!(
        problem(&dates),
        "it has no fire time from `start_date` 2027-01-02T00:00:00+01:00 to `end_date` 2027-01-01T00:00:00+01:00"
    );
    let year = json!({"type": "cron", "year": 2026, "start_date": "2027-01-02"});
    assert_eq!(problem(&year), "it has no fire time after `start_date` 2027-01-02T00:00:00+01:00");
}

#[test]
fn triggers_that_fire_or_have_ended_have_no_problem() {
    for config in [
        weekend(),
        json!({"type": "cron", "year": 2020}),
        json!({"type": "date", "run_date": "2020-01-01"}),
        json!({"type": "interval", "hours": 1}),
        json!({"type": "interval", "hours": 1, "start_date": "2020-01-01", "end_date": "2021-01-01"}),
        json!({"type": "calendarinterval", "months": 1, "start_date": "2026-01-31"}),
        json!({"type": "and", "triggers": [weekend(), {"type": "cron", "hour": "*"}]}),
        json!({"type": "and", "triggers": [weekend(), {"type": "cron", "year": 2020}]}),
    ] {
        assert_eq!(trigger(&config).diagnose(now()), None, "{config}");
    }
    let ended = trigger(&json!({"type": "cron", "year": 2020}));
    assert_eq!(
        schedule_warning(&*ended, now()).unwrap(),
        "cron[year='2020'] does not fire any more: its schedule has ended"
    );
}
