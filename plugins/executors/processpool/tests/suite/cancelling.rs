//! Runs that somebody cancels.

use apscheduler_core::job::JobBuilder;
use apscheduler_core::ledger::{History, RunQuery, RunState};
use apscheduler_core::run::RunId;
use serde_json::json;

use super::processes::{published, runs, until};
use super::stand::{Stand, tests};

tests![
    a_function_is_told_and_its_worker_stays,
    a_worker_whose_function_does_not_end_is_ended,
    the_next_run_of_a_worker_is_not_cancelled,
];

/// Returns the id of the run that is running.
fn running(stand: &Stand) -> RunId {
    until("for a run", || {
        let query = RunQuery::new().state(RunState::Claimed);
        stand.scheduler.runs(&query).unwrap().first().map(|run| run.run_id)
    })
}

fn job(function: &str, args: impl IntoIterator<Item = serde_json::Value>) -> JobBuilder {
    JobBuilder::new(function).args(args).history(History::All)
}

fn a_function_is_told_and_its_worker_stays() {
    for function in ["tests::hold_until_cancelled", "tests::await_cancelled"] {
        let stand = Stand::new(1);
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pid");
        let id = stand.add(job(function, [json!(file)]));
        let pid = published(&file);
        stand.scheduler.cancel_run(running(&stand)).unwrap();
        assert_eq!(stand.outcome(&id).value(), "cancelled");
        assert_eq!(stand.pid(), pid);
    }
}

fn a_worker_whose_function_does_not_end_is_ended() {
    let stand = Stand::new(1);
    let directory = tempfile::tempdir().unwrap();
    let files = [json!(directory.path().join("pid")), json!(directory.path().join("release"))];
    let id = stand.add(job("tests::hold", files));
    let pid = published(&directory.path().join("pid"));
    stand.scheduler.cancel_run(running(&stand)).unwrap();
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
        let id = stand.add(job("tests::hold_until_cancelled", [json!(file)]));
        published(&file);
        stand.scheduler.cancel_run(running(&stand)).unwrap();
        assert_eq!(stand.outcome(&id).value(), "cancelled");
        assert_eq!(stand.run(JobBuilder::new("tests::add").args([json!(1), json!(2)])).value(), 3);
    }
}
