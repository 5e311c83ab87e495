//! Misfires are determined when a run starts.

use std::collections::HashSet;
use std::time::Duration;

use apscheduler_core::event::{Event, EventMask, Missed};
use apscheduler_core::time::Timestamp;
use chrono::TimeDelta;
use serde_json::Value;

use crate::executors::case::cases;
use crate::executors::{Lab, Setup};

cases! {
    "lateness":
    runs_due_during_a_pause_are_missed,
    a_run_that_waits_too_long_in_the_queue_is_missed [Queue],
    a_run_that_is_late_within_the_grace_time_runs [Queue],
    a_missed_run_frees_the_slot,
    catching_up_runs_all_run_times_in_order,
    catching_up_judges_each_run_time,
    catching_up_continues_after_an_error,
}

fn missed(lab: &Lab, id: &str) -> Missed {
    match &lab.events().wait_for(id, 1)[0] {
        Event::JobMissed { missed, .. } => *missed,
        other => panic!("it was not missed: {other:?}"),
    }
}

fn runs_due_during_a_pause_are_missed(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    let scheduled = lab.now() + TimeDelta::seconds(10);
    let job = lab.job("a", "echo").args([Value::Null]);
    lab.add(job.next_run_time(scheduled).misfire_grace_time(Duration::from_secs(5)));
    lab.oversleep(60);
    let missed = missed(&lab, "a");
    assert_eq!(missed.lateness, Duration::from_secs(50));
    assert_eq!(missed.queued, Duration::ZERO);
    assert_eq!(missed.idle, Duration::from_secs(50));
    assert_eq!(missed.reason(), "the scheduler was not running then");
}

fn a_run_that_waits_too_long_in_the_queue_is_missed(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    let gate = lab.hold("holder");
    lab.add(lab.job("a", "echo").args([Value::Null]).misfire_grace_time(Duration::from_secs(10)));
    lab.wait_until_submitted("a");
    lab.advance(30);
    gate.open();
    let missed = missed(&lab, "a");
    assert_eq!(missed.lateness, Duration::from_secs(30), "judged at the start of the run");
    assert_eq!(missed.queued, Duration::from_secs(30));
    assert!(missed.reason().contains("queue"), "{}", missed.reason());
}

fn a_run_that_is_late_within_the_grace_time_runs(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    let gate = lab.hold("holder");
    lab.add(lab.job("a", "echo").args([Value::Null]).misfire_grace_time(Duration::from_secs(30)));
    lab.wait_until_submitted("a");
    lab.advance(30);
    gate.open();
    let outcome = &lab.events().wait_for("a", 1)[0];
    assert_eq!(outcome.code(), EventMask::JOB_EXECUTED, "{outcome:?}");
}

fn a_missed_run_frees_the_slot(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    let job = lab.job("a", "echo").args([Value::Null]).misfire_grace_time(Duration::from_secs(5));
    lab.add(job.trigger(lab.every_second(2)));
    lab.oversleep(60);
    missed(&lab, "a");
    lab.wait_until_idle();
    assert_eq!(lab.events().count("a", EventMask::JOB_MAX_INSTANCES), 0);
}

/// Returns a job that is due five times at once.
fn five_times_late(lab: &Lab, function: &str) -> apscheduler_core::job::JobBuilder {
    lab.job("a", function).coalesce(false).trigger(lab.every_second(5))
}

fn scheduled(outcomes: &[Event]) -> Vec<Timestamp> {
    outcomes.iter().flat_map(Event::scheduled_run_times).copied().collect()
}

fn catching_up_runs_all_run_times_in_order(setup: &Setup<'_>) {
    let lab = setup.lab(3);
    let expected: Vec<_> = (1..=5).map(|second| lab.now() + TimeDelta::seconds(second)).collect();
    lab.add(five_times_late(&lab, "context"));
    lab.oversleep(10);
    let outcomes = lab.events().wait_for("a", 5);
    assert_eq!(scheduled(&outcomes), expected);
    let mut run_ids = HashSet::new();
    for outcome in &outcomes {
        let Event::JobExecuted { scheduled_run_time, retval, .. } = outcome else {
            panic!("it was not executed: {outcome:?}");
        };
        assert_eq!(retval["scheduled_run_time"], scheduled_run_time.to_rfc3339());
        assert!(run_ids.insert(retval["run_id"].to_string()), "two runs had the same id");
    }
    assert_eq!(lab.events().count("a", EventMask::JOB_SUBMITTED), 1, "they are one instance");
    lab.wait_until_idle();
}

fn catching_up_judges_each_run_time(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    lab.add(five_times_late(&lab, "context").misfire_grace_time(Duration::from_secs(3)));
    lab.oversleep(6);
    let outcomes = lab.events().wait_for("a", 5);
    let codes: Vec<_> = outcomes.iter().map(Event::name).collect();
    let (missed, executed) = ("JOB_MISSED", "JOB_EXECUTED");
    assert_eq!(codes, [missed, missed, executed, executed, executed]);
    assert!(scheduled(&outcomes).is_sorted(), "{outcomes:?}");
    lab.wait_until_idle();
}

fn catching_up_continues_after_an_error(setup: &Setup<'_>) {
    for (function, arguments) in [("fail", vec!["a", "b"]), ("panic", vec!["a"])] {
        let lab = setup.lab(1);
        let arguments = arguments.into_iter().map(Value::from);
        lab.add(five_times_late(&lab, function).args(arguments));
        lab.oversleep(10);
        let outcomes = lab.events().wait_for("a", 5);
        assert!(outcomes.iter().all(|event| event.code() == EventMask::JOB_ERROR), "{outcomes:?}");
        assert!(scheduled(&outcomes).is_sorted(), "{outcomes:?}");
        lab.wait_until_idle();
    }
}
