//! Runs that are terminated, and workers that die.

use std::time::{Duration, Instant};

use apscheduler_core::event::{Event, EventMask};
use serde_json::Value;

use crate::executors::case::cases;
use crate::executors::{Lab, Setup};

cases! {
    "ends":
    a_run_that_takes_too_long_is_terminated [Timeout],
    a_timeout_applies_to_each_run_time [Timeout],
    a_run_that_takes_too_long_is_asked_to_end,
    a_failure_at_the_timeout_mentions_the_timeout,
    a_run_that_ends_within_its_timeout_is_left_alone,
    the_death_of_a_worker_fails_only_its_own_run [WorkerDeath],
    a_worker_that_exits_is_an_error [WorkerDeath],
}

const SHORT: Duration = Duration::from_millis(200);

fn is_told_of_the_timeout(event: &Event) {
    let Event::JobError { error, .. } = event else {
        panic!("it was not terminated: {event:?}");
    };
    assert!(error.message().contains("timeout"), "{error}");
}

fn echoes(lab: &Lab, id: &str) {
    lab.add(lab.job(id, "echo").args([Value::Null]));
    let outcome = &lab.events().wait_for(id, 1)[0];
    assert_eq!(outcome.code(), EventMask::JOB_EXECUTED, "{outcome:?}");
}

fn a_run_that_takes_too_long_is_terminated(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    let since = Instant::now();
    lab.add(lab.job("a", "hang").args([lab.folder()]).timeout(SHORT));
    is_told_of_the_timeout(&lab.events().wait_for("a", 1)[0]);
    assert!(since.elapsed() >= SHORT, "it was terminated after {:?}", since.elapsed());
    lab.wait_until_idle();
    echoes(&lab, "after");
}

fn a_timeout_applies_to_each_run_time(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    let job = lab.job("a", "hang").args([lab.folder()]).timeout(SHORT).coalesce(false);
    lab.add(job.trigger(lab.every_second(2)));
    lab.oversleep(10);
    lab.events().wait_for("a", 2).iter().for_each(is_told_of_the_timeout);
    lab.wait_until_idle();
    echoes(&lab, "after");
}

/// Each run time starts afresh. Whether it can take that long depends on the executor.
fn a_run_that_takes_too_long_is_asked_to_end(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    let gate = lab.gate("never opened");
    let job = lab.job("a", "until_cancelled").args(gate.arguments()).timeout(SHORT).coalesce(false);
    lab.add(job.trigger(lab.every_second(2)));
    lab.oversleep(10);
    for outcome in &lab.events().wait_for("a", 2) {
        match outcome {
            Event::JobExecuted { retval, .. } => assert_eq!(**retval, "cancelled"),
            other => is_told_of_the_timeout(other),
        }
    }
    lab.wait_until_idle();
    echoes(&lab, "after");
}

/// The event must say that the timeout caused the failure.
fn a_failure_at_the_timeout_mentions_the_timeout(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    let gate = lab.gate("never opened");
    lab.add(lab.job("a", "fail_when_cancelled").args(gate.arguments()).timeout(SHORT));
    is_told_of_the_timeout(&lab.events().wait_for("a", 1)[0]);
    lab.wait_until_idle();
    echoes(&lab, "after");
}

fn a_run_that_ends_within_its_timeout_is_left_alone(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    for id in ["a", "b"] {
        lab.add(lab.job(id, "nap").args([20.into()]).timeout(Duration::from_secs(60)));
        let outcome = &lab.events().wait_for(id, 1)[0];
        let Event::JobExecuted { retval: cancelled, .. } = outcome else {
            panic!("it was terminated: {outcome:?}");
        };
        assert_eq!(**cancelled, false, "it was cancelled");
    }
    lab.wait_until_idle();
}

fn the_death_of_a_worker_fails_only_its_own_run(setup: &Setup<'_>) {
    let lab = setup.lab(2);
    let gate = lab.hold("holder");
    for number in 0..3 {
        let id = format!("abort {number}");
        lab.add(lab.job(&id, "abort"));
        let outcome = &lab.events().wait_for(&id, 1)[0];
        assert_eq!(outcome.code(), EventMask::JOB_ERROR, "{outcome:?}");
        echoes(&lab, &format!("echo {number}"));
    }
    gate.open();
    let outcome = &lab.events().wait_for("holder", 1)[0];
    assert_eq!(outcome.code(), EventMask::JOB_EXECUTED, "{outcome:?}");
    lab.wait_until_idle();
}

fn a_worker_that_exits_is_an_error(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    for code in [0, 1] {
        let id = format!("exit {code}");
        lab.add(lab.job(&id, "exit").args([code.into()]));
        let outcome = &lab.events().wait_for(&id, 1)[0];
        assert_eq!(outcome.code(), EventMask::JOB_ERROR, "{outcome:?}");
        echoes(&lab, &format!("echo {code}"));
    }
}
