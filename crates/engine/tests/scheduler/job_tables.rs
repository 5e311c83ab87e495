//! Jobs described by tables, as in config files.

use apscheduler_core::ErrorKind;
use apscheduler_core::job::JobBuilder;
use apscheduler_core::time::Zone;
use serde_json::{Value, json};

use crate::recorder::scheduler;

/// Returns the error of adding a job with this option.
fn error(option: &str, value: &Value) -> String {
    let mut table = json!({"func": "tests::ok", "id": "a"});
    table[option] = value.clone();
    let scheduler = scheduler();
    scheduler.start().unwrap();
    let error = JobBuilder::from_table("job `a`", table.as_object().unwrap(), Zone::UTC)
        .and_then(|job| scheduler.add_job(job));
    error.unwrap_err().to_string()
}

#[test]
fn errors_name_each_bad_option() {
    let cases = [
        ("id", json!(3), "job `a`: id: expected text, found 3"),
        ("func", json!(1), "job `a`: func: expected text, found 1"),
        ("args", json!(1), "job `a`: args: expected a list, found 1"),
        ("kwargs", json!(1), "job `a`: kwargs: expected a table of options, found 1"),
        ("name", json!(1), "job `a`: name: expected text, found 1"),
        ("name", json!(""), "job `a`: `name` must not be empty"),
        (
            "misfire_grace_time",
            json!("foo"),
            "misfire_grace_time: expected a number of seconds, or text such as \"5s\" or \"1h 30m\", found text \"foo\"",
        ),
        (
            "misfire_grace_time",
            json!(1.5),
            "`misfire_grace_time` must be a positive number of whole seconds, found 1.5",
        ),
        ("misfire_grace_time", json!(0), "`misfire_grace_time` must be a positive number"),
        ("misfire_grace_time", json!(-1), "expected a positive number of whole seconds, found -1"),
        ("max_instances", json!("foo"), "expected a whole number, found text \"foo\""),
        ("max_instances", json!(0), "`max_instances` must be a positive number"),
        ("max_instances", json!(-1), "-1 is out of range"),
        (
            "coalesce",
            json!("maybe"),
            "coalesce: expected true or false, or \"latest\", \"earliest\" or \"all\", found text \"maybe\"",
        ),
        ("trigger", json!("foo"), "unknown trigger `foo`"),
        ("trigger", json!(1), "expected a table with `type`"),
        ("executor", json!(1), "job `a`: executor: expected text, found 1"),
        ("next_run_time", json!(1), "job `a`: next_run_time: expected text, found 1"),
        ("next_run_time", json!("soon"), "next_run_time: invalid date `soon`"),
        ("scheduler", json!(1), "job `a`: unknown option `scheduler`"),
    ];
    for (option, value, expected) in cases {
        let error = error(option, &value);
        assert!(error.contains(expected), "{option} = {value}: {error}");
    }
}

#[test]
fn a_table_without_a_function_is_an_error() {
    let table = json!({"id": "a"});
    let error = JobBuilder::from_table("job `a`", table.as_object().unwrap(), Zone::UTC);
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(error.to_string(), "job `a`: `func` is missing: the name of a function");
}
