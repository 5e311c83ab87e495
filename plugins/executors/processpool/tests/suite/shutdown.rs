//! Shutdowns, with and without waiting.

use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use apscheduler_core::Shutdown;
use apscheduler_core::event::EventMask;
use apscheduler_core::job::JobBuilder;
use serde_json::json;

use super::processes::{PATIENCE, published, runs, until, wait_for_the_end_of};
use super::stand::{Stand, tests};

tests![
    with_wait_all_runs_end_before_the_workers,
    without_wait_running_jobs_are_ended_and_queued_ones_dropped,
    a_job_can_end_when_its_token_is_cancelled,
    a_job_that_ignores_term_is_killed,
    a_dropped_scheduler_leaves_no_worker,
    it_starts_again_after_a_shutdown,
    a_listener_may_shut_down,
];

fn hold(directory: &Path) -> JobBuilder {
    let files = [json!(directory.join("pid")), json!(directory.join("release"))];
    JobBuilder::new("tests::hold").args(files)
}

fn with_wait_all_runs_end_before_the_workers() {
    let stand = Stand::new(1);
    let directory = tempfile::tempdir().unwrap();
    let held = stand.add(hold(directory.path()));
    let pid = published(&directory.path().join("pid"));
    let waiting = [0; 20].map(|_| stand.add(JobBuilder::new("tests::pid")));
    until("for the queue to fill", || (stand.load().queued == 20).then_some(()));
    let release = directory.path().join("release");
    std::thread::spawn(move || {
        // By then, the shutdown is usually waiting; otherwise the test passes as well.
        std::thread::sleep(Duration::from_millis(100));
        std::fs::write(release, "").unwrap();
    });
    stand.scheduler.shutdown(Shutdown::Wait).unwrap();
    assert!(!runs(pid), "workers are gone when the shutdown returns");
    for id in [held].iter().chain(&waiting) {
        stand.outcomes()[id][0].clone().value();
    }
}

fn without_wait_running_jobs_are_ended_and_queued_ones_dropped() {
    let stand = Stand::new(1);
    let directory = tempfile::tempdir().unwrap();
    let held = stand.add(hold(directory.path()));
    let pid = published(&directory.path().join("pid"));
    let waiting = stand.add(JobBuilder::new("tests::pid"));
    until("for the job to be queued", || (stand.load().queued == 1).then_some(()));
    let begun = Instant::now();
    stand.scheduler.shutdown(Shutdown::Now).unwrap();
    assert!(begun.elapsed() < PATIENCE / 2, "it does not wait");
    let message = stand.outcome(&held).message();
    let expected =
        format!("the executor was shut down without waiting; the worker process {pid} was ended");
    assert_eq!(message, expected);
    assert!(!runs(pid));
    stand.outcome(&waiting).error();
}

fn a_job_can_end_when_its_token_is_cancelled() {
    for function in ["tests::hold_until_cancelled", "tests::await_cancelled"] {
        let stand = Stand::new(1);
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pid");
        let id = stand.add(JobBuilder::new(function).args([json!(file)]));
        let pid = published(&file);
        stand.scheduler.shutdown(Shutdown::Now).unwrap();
        assert_eq!(stand.outcome(&id).value(), "cancelled");
        wait_for_the_end_of(pid);
    }
}

fn a_job_that_ignores_term_is_killed() {
    let stand = Stand::new(1);
    let directory = tempfile::tempdir().unwrap();
    let files = [json!(directory.path().join("pid")), json!(directory.path().join("release"))];
    let id = stand.add(JobBuilder::new("tests::hold_against_term").args(files));
    let pid = published(&directory.path().join("pid"));
    stand.scheduler.shutdown(Shutdown::Now).unwrap();
    stand.outcome(&id).error();
    assert!(!runs(pid));
}

fn a_dropped_scheduler_leaves_no_worker() {
    let stand = Stand::new(1);
    let idle = stand.pid();
    drop(stand);
    wait_for_the_end_of(idle);

    let stand = Stand::new(1);
    let directory = tempfile::tempdir().unwrap();
    stand.add(hold(directory.path()));
    let busy = published(&directory.path().join("pid"));
    drop(stand);
    wait_for_the_end_of(busy);
}

fn it_starts_again_after_a_shutdown() {
    let stand = Stand::new(1);
    let both = [Shutdown::Wait, Shutdown::Now];
    for shutdown in both.into_iter().chain(both) {
        let pid = stand.pid();
        stand.scheduler.shutdown(shutdown).unwrap();
        wait_for_the_end_of(pid);
        stand.scheduler.start().unwrap();
    }
    stand.pid();
}

fn a_listener_may_shut_down() {
    let stand = Stand::new(2);
    let (sender, receiver) = mpsc::channel();
    let scheduler = stand.scheduler.handle();
    stand.scheduler.add_listener(EventMask::JOB_EXECUTED, move |_| {
        sender.send(scheduler.shutdown(Shutdown::Wait)).unwrap();
    });
    let id = stand.add(JobBuilder::new("tests::pid"));
    receiver.recv_timeout(PATIENCE).unwrap().unwrap();
    let pid = stand.outcome(&id).value().as_u64().unwrap();
    wait_for_the_end_of(pid.try_into().unwrap());
}
