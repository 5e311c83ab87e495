//! Every run has exactly one outcome, and reports it.

use std::collections::HashMap;
use std::sync::Arc;

use apscheduler_core::Shutdown;
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::function::JobError;

use crate::executors::case::cases;
use crate::executors::functions::{PLAIN_PANIC, panic_with};
use crate::executors::{Lab, Setup};

cases! {
    "outcomes":
    a_function_is_run,
    errors_have_causes,
    a_panic_is_an_error_with_its_message,
    an_executor_survives_panics,
    every_run_has_one_outcome,
    a_run_is_submitted_before_it_ends,
    a_listener_that_panics_loses_nothing,
}

/// Runs a job that fails, and returns its error.
fn error_of(lab: &Lab, id: &str, function: &str, arguments: &[&str]) -> Arc<JobError> {
    let arguments = arguments.iter().map(|argument| (*argument).into());
    lab.add(lab.job(id, function).args(arguments));
    match &lab.events().wait_for(id, 1)[0] {
        Event::JobError { error, .. } => Arc::clone(error),
        other => panic!("it did not fail: {other:?}"),
    }
}

fn a_function_is_run(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    lab.add(lab.job("a", "echo").args(["hello".into()]));
    let outcome = &lab.events().wait_for("a", 1)[0];
    let Event::JobExecuted { job, scheduled_run_time, retval, .. } = outcome else {
        panic!("it was not executed: {outcome:?}");
    };
    assert_eq!((job.id(), job.jobstore()), ("a", Some("default")));
    assert_eq!(*scheduled_run_time, lab.now());
    assert_eq!(**retval, "hello");
    lab.wait_until_idle();
}

fn errors_have_causes(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    let error = error_of(&lab, "a", "fail", &["the upload failed", "the disk is full"]);
    assert_eq!(error.message(), "the upload failed");
    assert_eq!(error.trace(), Some("caused by: the disk is full"));
    assert!(!error.is_panic(), "an error is not a panic");
}

fn a_panic_is_an_error_with_its_message(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    let error = error_of(&lab, "a", "panic", &["seven is not a prime"]);
    assert_eq!((error.message(), error.is_panic()), ("seven is not a prime", true));
    let error = error_of(&lab, "b", "panic_plainly", &[]);
    assert_eq!((error.message(), error.is_panic()), (PLAIN_PANIC, true));
}

fn an_executor_survives_panics(setup: &Setup<'_>) {
    let lab = setup.lab(2);
    for number in 0..10 {
        let error = error_of(&lab, &format!("panic {number}"), "panic", &["again"]);
        assert!(error.is_panic());
    }
    lab.add(lab.job("after", "echo").args([1.into()]));
    let outcome = &lab.events().wait_for("after", 1)[0];
    assert!(matches!(outcome, Event::JobExecuted { .. }), "{outcome:?}");
    lab.wait_until_idle();
}

/// Returns jobs that succeed, fail or panic, as their ids say.
fn mixture(lab: &Lab, count: usize) -> Vec<apscheduler_core::job::JobBuilder> {
    let job = |number: usize| match number % 3 {
        0 => lab.job(&format!("echo {number}"), "echo").args([number.into()]),
        1 => lab.job(&format!("fail {number}"), "fail").args(["failed".into(), "a cause".into()]),
        _ => lab.job(&format!("panic {number}"), "panic").args(["panicked".into()]),
    };
    (0..count).map(job).collect()
}

fn every_run_has_one_outcome(setup: &Setup<'_>) {
    let lab = setup.lab(4);
    let count = setup.harness().scaled(300);
    lab.add_all(mixture(&lab, count));
    lab.events().wait_for_all(count);
    lab.wait_until_idle();
    lab.scheduler().shutdown(Shutdown::Wait).expect("it runs");
    let received = lab.events().received();
    assert_eq!(received.outcomes, count, "some run had two outcomes");
    let mut ends: HashMap<&str, usize> = HashMap::new();
    for event in &received.events {
        let expected = match event {
            Event::JobExecuted { .. } => "echo",
            Event::JobError { error, .. } if error.is_panic() => "panic",
            Event::JobError { .. } => "fail",
            Event::JobMissed { .. } => panic!("{event:?}"),
            _ => continue,
        };
        let id = event.job().expect("these are about jobs").id();
        assert!(id.starts_with(expected), "{event:?}");
        *ends.entry(id).or_default() += 1;
    }
    assert_eq!(ends.len(), count);
}

fn a_run_is_submitted_before_it_ends(setup: &Setup<'_>) {
    let lab = setup.lab(4);
    let count = setup.harness().scaled(300);
    lab.add_all(mixture(&lab, count));
    lab.events().wait_for_all(count);
    let received = lab.events().received();
    let mut submitted: HashMap<&str, &[_]> = HashMap::new();
    for event in &received.events {
        let Some(job) = event.job() else { continue };
        if event.code() == EventMask::JOB_SUBMITTED {
            submitted.insert(job.id(), event.scheduled_run_times());
        } else if !event.scheduled_run_times().is_empty() {
            let times = submitted.get(job.id()).copied();
            assert_eq!(times, Some(event.scheduled_run_times()), "before {event:?}");
        }
    }
}

fn a_listener_that_panics_loses_nothing(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    let mask = EventMask::JOB_SUBMITTED | EventMask::JOB_EXECUTED;
    lab.scheduler().add_listener(mask, |event| panic_with(event.name()));
    for id in ["a", "b", "c"] {
        lab.add(lab.job(id, "echo").args([id.into()]));
        lab.events().wait_for(id, 1);
    }
    lab.wait_until_idle();
}
