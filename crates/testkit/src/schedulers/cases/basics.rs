//! The behavior that APScheduler tests for each of its schedulers, under the names of its tests.

use apscheduler_core::ErrorKind;
use apscheduler_core::Shutdown;
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::job::JobBuilder;
use serde_json::json;

use crate::executors::Times;
use crate::schedulers::case::cases;
use crate::schedulers::{Lab, SchedulerHarness};

cases! {
    "basics":
    immediate_shutdown,
    add_pending_job,
    add_live_job,
    shutdown,
}

fn sum() -> JobBuilder {
    JobBuilder::new(|left: i64, right: i64| left + right).id("a").args([json!(1), json!(2)])
}

/// Waits until these are the events so far, ignoring those of executors.
fn expect(lab: &Lab, expected: &[EventMask]) {
    let last = *expected.last().expect("there are some");
    lab.events().wait_for_any(last);
    let mut codes = lab.events().codes();
    codes.retain(|code| *code != EventMask::EXECUTOR_ADDED);
    assert_eq!(codes, expected);
    for event in &lab.events().received().events {
        if let Event::JobExecuted { retval, .. } = event {
            assert_eq!(**retval, json!(3));
        }
    }
}

fn immediate_shutdown(harness: &SchedulerHarness) {
    for shutdown in [Shutdown::Wait, Shutdown::Now] {
        let error = Lab::new(harness).shutdown(shutdown).expect_err("it does not run");
        assert_eq!(error.kind(), ErrorKind::NotRunning);
    }
}

fn add_pending_job(harness: &SchedulerHarness) {
    let lab = Lab::new(harness);
    lab.add(sum());
    lab.start().expect("it starts");
    expect(
        &lab,
        &[
            EventMask::JOBSTORE_ADDED,
            EventMask::JOB_ADDED,
            EventMask::SCHEDULER_STARTED,
            EventMask::JOB_SUBMITTED,
            EventMask::JOB_STARTED,
            EventMask::JOB_EXECUTED,
            EventMask::JOB_REMOVED,
        ],
    );
}

fn add_live_job(harness: &SchedulerHarness) {
    let lab = Lab::started(harness);
    let in_a_second = Times::from(lab.now() + chrono::TimeDelta::seconds(1), 1);
    lab.add(sum().trigger(in_a_second));
    lab.advance(1);
    expect(
        &lab,
        &[
            EventMask::JOBSTORE_ADDED,
            EventMask::SCHEDULER_STARTED,
            EventMask::JOB_ADDED,
            EventMask::JOB_SUBMITTED,
            EventMask::JOB_STARTED,
            EventMask::JOB_EXECUTED,
            EventMask::JOB_REMOVED,
        ],
    );
}

fn shutdown(harness: &SchedulerHarness) {
    let lab = Lab::started(harness);
    lab.shutdown(Shutdown::Wait).expect("it runs");
    expect(
        &lab,
        &[EventMask::JOBSTORE_ADDED, EventMask::SCHEDULER_STARTED, EventMask::SCHEDULER_SHUTDOWN],
    );
}
