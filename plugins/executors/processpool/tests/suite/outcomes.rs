//! The data sent to a worker, and the outcomes it returns.

use std::time::Duration;

use apscheduler_core::ErrorKind;
use apscheduler_core::job::JobBuilder;
use apscheduler_core::time::{Clock as _, SystemClock};
use apscheduler_triggers::IntervalTrigger;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::jobs;
use super::processes::until;
use super::stand::{Stand, tests};

tests![
    arguments_and_results_are_preserved,
    numbers_keep_all_digits,
    large_values_are_preserved,
    errors_have_their_causes,
    panics_have_their_message,
    async_functions_run,
    the_context_is_that_of_the_run,
    the_set_up_provides_state,
    standard_input_is_empty,
    a_closure_is_refused_when_it_is_added,
    a_function_that_the_worker_lacks_is_explained,
    an_unreadable_message_is_an_error_of_its_run,
    several_run_times_of_a_run_each_have_an_outcome,
];

fn echo(stand: &Stand, value: Value) -> Value {
    stand.run(JobBuilder::new("tests::echo").args([value])).value()
}

fn arguments_and_results_are_preserved() {
    let stand = Stand::new(1);
    assert_eq!(stand.run(JobBuilder::new("tests::add").args([json!(2), json!(3)])).value(), 5);
    let job = JobBuilder::new("tests::kwargs").kwarg("b", 1).kwarg("a", json!([null, "ü\n\0"]));
    assert_eq!(stand.run(job).value().to_string(), r#"{"b":1,"a":[null,"ü\n\u0000"]}"#);
    assert_eq!(stand.run(JobBuilder::new("tests::kwargs")).value(), json!({}));
}

fn numbers_keep_all_digits() {
    let stand = Stand::new(1);
    for number in [
        0.1 + 0.2,
        5e-324,
        f64::MAX,
        -0.0,
        1.0,
        2.225_073_858_507_201e-308,
        9_007_199_254_740_992.0,
    ] {
        let back = echo(&stand, json!(number)).as_f64().unwrap();
        assert_eq!(back.to_bits(), f64::to_bits(number), "{number}");
    }
    for number in [json!(u64::MAX), json!(i64::MIN), json!(0)] {
        assert_eq!(echo(&stand, number.clone()), number);
    }
}

fn large_values_are_preserved() {
    let stand = Stand::new(1);
    let large = json!("x".repeat(20_000_000));
    assert!(echo(&stand, large.clone()) == large);
    assert_eq!(echo(&stand, json!(1)), 1);
}

fn errors_have_their_causes() {
    let error = Stand::new(1).run(JobBuilder::new("tests::fail")).error();
    assert_eq!(error.message(), "burnt");
    assert_eq!(error.trace(), Some("caused by: the disk is on fire"));
    assert!(!error.is_panic());
}

fn panics_have_their_message() {
    let stand = Stand::new(1);
    let pid = stand.pid();
    for function in ["tests::panic", "tests::panic_later"] {
        let error = stand.run(JobBuilder::new(function).args([json!("on purpose")])).error();
        assert_eq!(error.message(), "on purpose");
        assert!(error.is_panic());
    }
    assert_eq!(stand.pid(), pid, "a panic does not end the worker");
}

fn async_functions_run() {
    let job = JobBuilder::new("tests::add_later").args([json!(2), json!(3)]);
    assert_eq!(Stand::new(1).run(job).value(), 5);
}

fn the_context_is_that_of_the_run() {
    let stand = Stand::new(1);
    let id = stand.add(JobBuilder::new("tests::context").id("the-id").name("the name"));
    let context = stand.outcome(&id).value();
    assert_eq!(context["job_id"], "the-id");
    assert_eq!(context["job_name"], "the name");
    assert_eq!(context["jobstore"], "default");
    assert_eq!(context["attempt"], 1);
    assert_eq!(context["has_scheduler"], false);
    assert_eq!(context["run_id"].as_str().map(str::len), Some(36));
    assert_eq!(context["leads_a_group"], true, "Ctrl-C at the terminal must not reach it");
    let other = stand.run(JobBuilder::new("tests::context")).value();
    assert_ne!(context["run_id"], other["run_id"]);
    assert!(context["scheduled_run_time"].as_i64() < other["scheduled_run_time"].as_i64());
}

fn the_set_up_provides_state() {
    let greeting = Stand::new(1).run(JobBuilder::new("tests::greeting")).value();
    assert_eq!(greeting, "hello from the set-up");
}

fn standard_input_is_empty() {
    assert_eq!(Stand::new(1).run(JobBuilder::new("tests::read_stdin")).value(), "");
}

fn a_closure_is_refused_when_it_is_added() {
    let stand = Stand::new(1);
    let error = stand.scheduler.add_job(JobBuilder::new(|| ())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
}

fn a_function_that_the_worker_lacks_is_explained() {
    let message = Stand::new(1).run(JobBuilder::new("tests::not_in_workers")).message();
    assert!(message.contains("no function is registered as `tests::not_in_workers`"), "{message}");
    assert!(message.contains("init_worker_with"), "{message}");
}

fn an_unreadable_message_is_an_error_of_its_run() {
    let stand = Stand::new(1);
    let pid = stand.pid();
    let message = stand.run(JobBuilder::new("tests::echo").args([jobs::nested(300)])).message();
    assert!(message.starts_with("the job can't be read in its worker process"), "{message}");
    let message = stand.run(JobBuilder::new("tests::nested").args([json!(300)])).message();
    assert!(message.starts_with("the answer of the worker process can't be read"), "{message}");
    assert_eq!(stand.pid(), pid, "the worker continues");
}

fn several_run_times_of_a_run_each_have_an_outcome() {
    let stand = Stand::new(1);
    let begin = SystemClock.now() - TimeDelta::hours(1);
    let trigger = IntervalTrigger::every(Duration::from_secs(1))
        .start_date(begin)
        .end_date(begin + TimeDelta::seconds(9));
    let job = JobBuilder::new("tests::context").trigger(trigger).next_run_time(Some(begin));
    let id = stand.add(job.coalesce(false));
    let outcomes = until("for ten outcomes", || {
        stand.outcomes().remove(&id).filter(|outcomes| outcomes.len() == 10)
    });
    let times = outcomes.into_iter().map(|outcome| outcome.value()["scheduled_run_time"].as_i64());
    let begin = begin.timestamp_micros();
    assert!(times.eq((0..10).map(|second| Some(begin + second * 1_000_000))));
}
