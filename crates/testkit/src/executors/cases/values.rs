//! The arguments and return values of functions.

use std::collections::HashSet;
use std::sync::Arc;

use apscheduler_core::event::Event;
use serde_json::{Value, json};

use crate::executors::case::cases;
use crate::executors::functions::STATE;
use crate::executors::{Lab, Setup};

cases! {
    "values":
    arguments_and_return_values_pass_unchanged,
    large_values_pass,
    a_function_receives_its_context,
    every_run_has_its_own_id,
    jobs_run_where_the_capabilities_declare,
}

/// Returns the return value of a job that succeeds.
fn value_of(lab: &Lab, id: &str) -> Arc<Value> {
    match &lab.events().wait_for(id, 1)[0] {
        Event::JobExecuted { retval, .. } => Arc::clone(retval),
        other => panic!("it was not executed: {other:?}"),
    }
}

fn arguments_and_return_values_pass_unchanged(setup: &Setup<'_>) {
    let lab = setup.lab(2);
    let values = [
        Value::Null,
        json!(true),
        json!(-42),
        json!(u64::MAX),
        json!(0.1),
        json!(""),
        json!("line\nbreak, \"quotes\", \u{0}, Tromsø, 🦀"),
        json!([[], [1, [2]], {}]),
        json!({"z": {"b": null, "a": [1.5]}, "": "empty"}),
    ];
    for (number, value) in values.iter().enumerate() {
        lab.add(lab.job(&format!("{number}"), "echo").args([value.clone()]));
    }
    for (number, value) in values.iter().enumerate() {
        assert_eq!(*value_of(&lab, &format!("{number}")), *value);
    }
}

fn large_values_pass(setup: &Setup<'_>) {
    let lab = setup.lab(2);
    let large = Value::from("0123456789abcdef".repeat(128 * 1024));
    for id in ["a", "b", "c"] {
        lab.add(lab.job(id, "echo").args([large.clone()]));
    }
    for id in ["a", "b", "c"] {
        // Not `assert_eq`, which would print the two megabytes.
        assert!(*value_of(&lab, id) == large, "a large value was changed");
    }
}

fn a_function_receives_its_context(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    let scheduled = lab.now() + chrono::TimeDelta::microseconds(1_500_001);
    lab.add(lab.job("report", "context").name("the nightly report").next_run_time(scheduled));
    lab.advance(60);
    let context = value_of(&lab, "report");
    assert_eq!(context["job_id"], "report");
    assert_eq!(context["job_name"], "the nightly report");
    assert_eq!(context["jobstore"], "default");
    assert_eq!(context["scheduled_run_time"], scheduled.to_rfc3339());
    assert_eq!(context["attempt"], 1);
    assert_eq!(context["state"], STATE, "the application's state was not handed out");
    let run_id = context["run_id"].as_str().expect("a run id is text");
    assert!(run_id.parse::<apscheduler_core::executor::RunId>().is_ok(), "{run_id}");
}

fn every_run_has_its_own_id(setup: &Setup<'_>) {
    let lab = setup.lab(4);
    let count = setup.harness().scaled(100);
    lab.add_all((0..count).map(|number| lab.job(&format!("{number}"), "context")));
    let ids: HashSet<String> = (0..count)
        .map(|number| value_of(&lab, &format!("{number}"))["run_id"].to_string())
        .collect();
    assert_eq!(ids.len(), count);
}

fn jobs_run_where_the_capabilities_declare(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    lab.add(lab.job("a", "context"));
    let here = value_of(&lab, "a")["process"] == std::process::id();
    assert_eq!(here, setup.capabilities().in_process, "`in_process` is not true");
}
