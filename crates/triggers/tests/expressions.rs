//! APScheduler's `tests/test_expressions.py`: the values that each expression matches, tested through the trigger.

#![allow(clippy::unwrap_used, reason = "tests")]

mod berlin;
mod built;

use berlin::{at, trigger, try_trigger};
use serde_json::json;

/// Checks the normalized text of a field, and the first dates and times that it matches.
#[track_caller]
fn check(field: &str, expression: &str, text: &str, cases: &[(&str, &str)]) {
    let config = json!({"type": "cron", field: expression});
    let trigger = trigger(&config);
    assert_eq!(trigger.to_string(), format!("cron[{field}='{text}']"));
    for (now, expected) in cases {
        assert_eq!(
            trigger.next_fire_time(None, at(now)),
            Some(at(expected)),
            "{expression} from {now}"
        );
    }
}

/// Checks that an expression is refused with an error that quotes it.
#[track_caller]
fn check_error(field: &str, expression: &str, expected: &str) {
    let error = try_trigger(&json!({"type": "cron", field: expression})).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("trigger `cron`: {field}: `{expression}`: {expected}")),
        "{error}"
    );
}

const UNKNOWN_WEEKDAY: &str = "unknown name `moh`; did you mean `mon`? expected one of mon, tue,";

#[test]
fn all_expression() {
    let cases =
        [("2009-07-01", "2009-07-01"), ("2009-07-10", "2009-07-10"), ("2009-07-30", "2009-07-30")];
    check("day", "*", "*", &cases);
}

#[test]
fn all_expression_step() {
    let cases = [
        ("2009-07-01 00:00:00", "2009-07-01 00:00:00"),
        ("2009-07-01 02:00:00", "2009-07-01 03:00:00"),
        ("2009-07-01 07:00:00", "2009-07-01 09:00:00"),
    ];
    check("hour", "*/3", "*/3", &cases);
}

#[test]
fn all_expression_invalid() {
    check_error("hour", "*/0", "the step value must be higher than 0");
}

#[test]
fn range_expression() {
    let cases =
        [("2009-07-01", "2009-07-02"), ("2009-07-10", "2009-08-02"), ("2009-07-05", "2009-07-05")];
    check("day", "2-9", "2-9", &cases);
}

#[test]
fn range_expression_step() {
    let cases =
        [("2009-07-01", "2009-07-02"), ("2009-07-03", "2009-07-05"), ("2009-07-09", "2009-08-02")];
    check("day", "2-9/3", "2-9/3", &cases);
}

#[test]
fn range_expression_single() {
    let cases =
        [("2009-07-01", "2009-07-09"), ("2009-07-09", "2009-07-09"), ("2009-07-10", "2009-08-09")];
    check("day", "9", "9", &cases);
}

#[test]
fn range_expression_invalid() {
    check_error("day", "5-3", "the minimum value in a range must not be higher than the maximum");
}

#[test]
fn weekday_single() {
    check("day_of_week", "WED", "wed", &[("2008-02-04", "2008-02-06")]);
}

#[test]
fn weekday_range() {
    check(
        "day_of_week",
        "TUE-SAT",
        "tue-sat",
        &[("2008-02-07", "2008-02-07"), ("2008-02-10", "2008-02-12")],
    );
}

#[test]
fn weekday_pos_1() {
    check(
        "day",
        "1st Fri",
        "1st fri",
        &[("2008-02-01", "2008-02-01"), ("2008-02-02", "2008-03-07")],
    );
}

#[test]
fn weekday_pos_2() {
    check("day", "2nd wed", "2nd wed", &[("2008-02-01", "2008-02-13")]);
}

#[test]
fn weekday_pos_3() {
    check("day", "last fri", "last fri", &[("2008-02-01", "2008-02-29")]);
}

#[test]
fn day_of_week_invalid_pos() {
    check_error("day", "6th fri", "unknown name `6th`; ");
}

#[test]
fn day_of_week_invalid_name() {
    check_error("day", "1st moh", UNKNOWN_WEEKDAY);
}

#[test]
fn day_of_week_invalid_first() {
    check_error("day_of_week", "moh-fri", UNKNOWN_WEEKDAY);
}

#[test]
fn day_of_week_invalid_last() {
    check_error("day_of_week", "mon-fre", "unknown name `fre`; did you mean `fri`?");
}

#[test]
fn last_day_of_month_expression() {
    check("day", "LAST", "last", &[("2012-02-01", "2012-02-29")]);
}

#[test]
fn last_day_of_month_expression_invalid() {
    check_error("hour", "last", "expected `*`, `*/STEP`");
}

#[test]
fn a_first_value_with_a_step_continues_to_the_end() {
    let cases = [
        ("2009-07-01 07:00:00", "2009-07-01 09:00:00"),
        ("2009-07-01 20:00:00", "2009-07-01 21:00:00"),
    ];
    check("hour", "5/4", "5/4", &cases);
}
