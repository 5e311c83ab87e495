//! `max_instances` counts queued and running instances, and every outcome frees a slot.

use apscheduler_core::event::{Event, EventMask};
use serde_json::Value;

use crate::executors::Setup;
use crate::executors::case::cases;

cases! {
    "instances":
    running_instances_count [Queue],
    queued_instances_count [Queue],
    instances_of_one_job_run_concurrently [Queue],
    success_frees_the_slot,
    an_error_frees_the_slot,
    a_panic_frees_the_slot,
    the_death_of_a_worker_frees_the_slot [WorkerDeath],
}

fn running_instances_count(setup: &Setup<'_>) {
    let lab = setup.lab(4);
    let gate = lab.gate("held");
    lab.add(lab.job("a", "hold").args(gate.arguments()).trigger(lab.every_second(3)));
    lab.advance(1);
    gate.wait_for(1);
    lab.advance(1);
    lab.events().wait("the second run is skipped", |received| {
        received.of("a", EventMask::JOB_MAX_INSTANCES).len() == 1
    });
    assert_eq!(lab.scheduler().instances(), 1);
    gate.open();
    lab.wait_until_idle();
    lab.advance(1);
    let outcomes = lab.events().wait_for("a", 2);
    assert!(outcomes.iter().all(|event| event.code() == EventMask::JOB_EXECUTED), "{outcomes:?}");
    assert_eq!(lab.events().count("a", EventMask::JOB_SUBMITTED), 2);
}

fn queued_instances_count(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    let gate = lab.hold("holder");
    let job = lab.job("a", "echo").args([Value::Null]).max_instances(2);
    lab.add(job.trigger(lab.every_second(3)));
    for second in 1..=2 {
        lab.advance(1);
        lab.events().wait("the run is submitted", |received| {
            received.of("a", EventMask::JOB_SUBMITTED).len() == second
        });
    }
    lab.advance(1);
    lab.events().wait("the third run is skipped", |received| {
        received.of("a", EventMask::JOB_MAX_INSTANCES).len() == 1
    });
    assert_eq!(lab.scheduler().instances(), 3, "one running and two in the queue");
    gate.open();
    lab.events().wait_for("a", 2);
    lab.wait_until_idle();
}

fn instances_of_one_job_run_concurrently(setup: &Setup<'_>) {
    let lab = setup.lab(3);
    let gate = lab.gate("held");
    let job = lab.job("a", "hold").args(gate.arguments()).max_instances(3);
    lab.add(job.trigger(lab.every_second(3)));
    for second in 1..=3 {
        lab.advance(1);
        gate.wait_for(second);
    }
    gate.open();
    lab.events().wait_for("a", 3);
    lab.wait_until_idle();
}

/// Checks that a job with one instance runs each time it is due, if every run waits for the event
/// of the previous one.
fn frees_the_slot(setup: &Setup<'_>, function: &str, arguments: &[Value], end: EventMask) {
    const RUNS: usize = 5;
    let lab = setup.lab(1);
    let job = lab.job("a", function).args(arguments.iter().cloned());
    lab.add(job.trigger(lab.every_second(RUNS)));
    for run in 1..=RUNS {
        lab.advance(1);
        let outcomes = lab.events().wait_for("a", run);
        let last: &Event = &outcomes[run - 1];
        assert_eq!(last.code(), end, "{last:?}");
    }
    lab.wait_until_idle();
    assert_eq!(lab.events().count("a", EventMask::JOB_MAX_INSTANCES), 0);
}

fn success_frees_the_slot(setup: &Setup<'_>) {
    frees_the_slot(setup, "echo", &[Value::Null], EventMask::JOB_EXECUTED);
}

fn an_error_frees_the_slot(setup: &Setup<'_>) {
    frees_the_slot(setup, "fail", &["failed".into(), "a cause".into()], EventMask::JOB_ERROR);
}

fn a_panic_frees_the_slot(setup: &Setup<'_>) {
    frees_the_slot(setup, "panic", &["panicked".into()], EventMask::JOB_ERROR);
}

fn the_death_of_a_worker_frees_the_slot(setup: &Setup<'_>) {
    frees_the_slot(setup, "abort", &[], EventMask::JOB_ERROR);
}
