//! Runs that somebody cancels.

use std::sync::mpsc;

use apscheduler_core::event::EventMask;
use apscheduler_core::job::JobBuilder;
use apscheduler_core::ledger::{History, RunQuery, RunState};
use apscheduler_core::run::RunId;
use serde_json::{Value, json};

use super::processes::{PATIENCE, published, runs};
use super::stand::{Stand, tests};

tests![
    a_function_is_told_and_its_worker_stays,
    a_worker_whose_function_does_not_end_is_ended,
    the_next_run_of_a_worker_is_not_cancelled,
];

/// Adds a job. Returns its id, and that of its run when it has begun.
fn add(stand: &Stand, function: &str, args: impl IntoIterator<Item = Value>) -> (String, RunId) {
    let (sender, receiver) = mpsc::channel();
    let listener = stand.scheduler.add_listener(EventMask::JOB_STARTED, move |event| {
        // The test may have failed already.
        let _ = sender.send(event.run().map(|run| run.id));
    });
    // Runs that are recorded can be cancelled.
    let id = stand.add(JobBuilder::new(function).args(args).history(History::All));
    let run = receiver.recv_timeout(PATIENCE).unwrap().unwrap();
    stand.scheduler.remove_listener(listener);
    (id, run)
}

fn a_function_is_told_and_its_worker_stays() {
    for function in ["tests::hold_until_cancelled", "tests::await_cancelled"] {
        let stand = Stand::new(1);
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pid");
        let (id, run) = add(&stand, function, [json!(file)]);
        let pid = published(&file);
        stand.scheduler.cancel_run(run).unwrap();
        assert_eq!(stand.outcome(&id).value(), "cancelled");
        assert_eq!(stand.pid(), pid);
    }
}

fn a_worker_whose_function_does_not_end_is_ended() {
    let stand = Stand::new(1);
    let directory = tempfile::tempdir().unwrap();
    let files = [json!(directory.path().join("pid")), json!(directory.path().join("release"))];
    let (id, run) = add(&stand, "tests::hold", files);
    let pid = published(&directory.path().join("pid"));
    stand.scheduler.cancel_run(run).unwrap();
    let error = stand.outcome(&id).error();
    assert!(error.is_cancellation(), "{error:?}");
    let text = error.text();
    assert!(text.contains("cancelled on request: it did not end; the worker process"), "{text}");
    assert!(!runs(pid));
    assert_ne!(stand.pid(), pid, "another one takes its place");
    let record = stand.scheduler.runs(&RunQuery::new().job(&*id)).unwrap().remove(0);
    assert_eq!(record.state, RunState::Cancelled);
}

fn the_next_run_of_a_worker_is_not_cancelled() {
    let stand = Stand::new(1);
    let directory = tempfile::tempdir().unwrap();
    for round in 0..5 {
        let file = directory.path().join(format!("pid {round}"));
        let (id, run) = add(&stand, "tests::hold_until_cancelled", [json!(file)]);
        published(&file);
        stand.scheduler.cancel_run(run).unwrap();
        assert_eq!(stand.outcome(&id).value(), "cancelled");
        assert_eq!(stand.run(JobBuilder::new("tests::add").args([json!(1), json!(2)])).value(), 3);
    }
}
