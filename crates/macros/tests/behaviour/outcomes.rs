//! Return values of functions, and the events with them.

use std::fmt;

use apscheduler::function::{IntoReturned, JobError, JobResult, Json};
use apscheduler::job;
use serde::Serialize;
use serde_json::{Value, json};

use crate::call;

#[derive(Debug)]
struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken")
    }
}

impl std::error::Error for Broken {}

/// Like `anyhow::Result`.
type Fallible<T, E = Box<dyn std::error::Error + Send + Sync>> = Result<T, E>;

#[derive(Serialize)]
struct Report {
    lines: u32,
}

#[job]
fn nothing() {}

#[job]
fn a_struct() -> Report {
    Report { lines: 3 }
}

#[job]
fn an_option() -> Option<Vec<u8>> {
    Some(vec![1])
}

#[job]
fn a_result(fails: bool) -> Result<Report, Broken> {
    if fails { Err(Broken) } else { Ok(Report { lines: 4 }) }
}

#[job]
fn an_alias(number: &str) -> Fallible<i32> {
    Ok(number.parse::<i32>()?)
}

#[job]
fn text_as_error() -> Result<(), String> {
    Err("it was text".to_owned())
}

#[job]
fn job_error() -> Result<(), JobError> {
    Err(JobError::new("it was said"))
}

#[job]
fn opaque() -> impl Serialize {
    [1, 2]
}

#[job]
fn json_of() -> Result<Json<Report>, Broken> {
    Ok(Json(Report { lines: 5 }))
}

/// Not serializable by serde, but allowed as the return value of a closure.
struct Own;

impl IntoReturned for Own {
    fn into_returned(self) -> JobResult {
        Ok("own".into())
    }
}

#[job]
fn own() -> Own {
    Own
}

#[job]
fn own_or_error() -> Result<Own, Broken> {
    Ok(Own)
}

#[job]
fn panics() {
    panic!("at the {}", "disco");
}

#[job]
#[must_use]
fn must_be_used() -> i32 {
    1
}

#[job]
fn bad_json() -> std::collections::BTreeMap<(u8, u8), u8> {
    [((1, 2), 3)].into()
}

#[test]
fn values_reach_the_event() {
    for (function, expected) in [
        ("nothing", Value::Null),
        ("a_struct", json!({"lines": 3})),
        ("an_option", json!([1])),
        ("opaque", json!([1, 2])),
        ("json_of", json!({"lines": 5})),
        ("own", json!("own")),
        ("own_or_error", json!("own")),
        ("must_be_used", json!(1)),
    ] {
        assert_eq!(
            call(&format!("outcomes::{function}"), json!([]), json!({})),
            Ok(expected),
            "{function}"
        );
    }
}

#[test]
fn errors_reach_the_event() {
    assert_eq!(call("outcomes::a_result", json!([false]), json!({})), Ok(json!({"lines": 4})));
    assert_eq!(call("outcomes::an_alias", json!(["12"]), json!({})), Ok(json!(12)));
    for (function, args, expected) in [
        ("a_result", json!([true]), "broken"),
        ("an_alias", json!(["x"]), "invalid digit found in string"),
        ("text_as_error", json!([]), "it was text"),
        ("job_error", json!([]), "it was said"),
        ("panics", json!([]), "panicked: at the disco"),
        ("bad_json", json!([]), "the return value is not valid JSON: key must be a string"),
    ] {
        assert_eq!(
            call(&format!("outcomes::{function}"), args, json!({})),
            Err(expected.to_owned()),
            "{function}"
        );
    }
}

#[test]
fn job_functions_can_be_called_directly() {
    assert_eq!(an_alias("3").unwrap(), 3);
    assert_eq!(must_be_used(), 1);
}
