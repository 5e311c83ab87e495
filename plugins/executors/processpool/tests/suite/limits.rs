//! Timeouts, and workers that are replaced after a number of tasks.

use std::time::{Duration, Instant};

use apscheduler_core::executor::Executor as _;
use apscheduler_core::job::JobBuilder;
use apscheduler_executor_processpool::ProcessPoolOptions;
use serde_json::json;

use super::processes::{published, runs, until, wait_for_the_end_of};
use super::stand::{Stand, tests};

tests![
    a_run_that_takes_too_long_is_killed,
    processes_of_a_killed_run_are_killed_too,
    a_run_that_ends_in_time_is_left_alone,
    workers_are_replaced_after_max_tasks_per_child,
    workers_are_started_as_they_are_needed,
    the_load_is_reported_by_the_pool,
];

fn a_run_that_takes_too_long_is_killed() {
    let stand = Stand::new(1);
    let first = stand.pid();
    let directory = tempfile::tempdir().unwrap();
    let files = [json!(directory.path().join("pid")), json!(directory.path().join("never"))];
    let begun = Instant::now();
    let job = JobBuilder::new("tests::hold").args(files).timeout(Duration::from_millis(300));
    let message = stand.run(job).message();
    let took = begun.elapsed();
    let expected =
        format!("took longer than its timeout of 0.3 s; the worker process {first} was killed");
    assert_eq!(message, expected);
    assert!(took >= Duration::from_millis(300), "{took:?}");
    assert!(!runs(first), "it was dead before the event");
    assert_ne!(stand.pid(), first);
}

fn processes_of_a_killed_run_are_killed_too() {
    let stand = Stand::new(1);
    let directory = tempfile::tempdir().unwrap();
    let (pid, child) = (directory.path().join("pid"), directory.path().join("child"));
    let job = JobBuilder::new("tests::hold_with_child").args([json!(pid), json!(child)]);
    let id = stand.add(job.timeout(Duration::from_millis(500)));
    let child = published(&child);
    stand.outcome(&id).error();
    wait_for_the_end_of(child);
}

fn a_run_that_ends_in_time_is_left_alone() {
    let stand = Stand::new(1);
    let first = stand.pid();
    for timeout in [Duration::from_secs(50), Duration::MAX] {
        let job = JobBuilder::new("tests::add").args([json!(2), json!(3)]).timeout(timeout);
        assert_eq!(stand.run(job).value(), 5);
    }
    assert_eq!(stand.pid(), first);
}

fn workers_are_replaced_after_max_tasks_per_child() {
    let options = ProcessPoolOptions::default().max_workers(1).max_tasks_per_child(2);
    let stand = Stand::with_options(&options);
    let pids: Vec<u32> = (0..6).map(|_| stand.pid()).collect();
    assert!(pids.chunks(2).all(|pair| pair[0] == pair[1]), "{pids:?}");
    assert!(pids[0] != pids[2] && pids[2] != pids[4], "{pids:?}");
    for pid in pids {
        wait_for_the_end_of(pid);
    }
}

fn workers_are_started_as_they_are_needed() {
    let stand = Stand::new(4);
    let first = stand.pid();
    for _ in 0..20 {
        // The event is emitted shortly before the worker is free again.
        until("for the worker to be free", || (stand.load().running == 0).then_some(()));
        assert_eq!(stand.pid(), first, "one worker is enough for one job at a time");
    }
    let directory = tempfile::tempdir().unwrap();
    let release = directory.path().join("release");
    let holds = [0, 1, 2, 3].map(|number| {
        let pid = directory.path().join(number.to_string());
        let job = JobBuilder::new("tests::hold").args([json!(pid), json!(release)]);
        (stand.add(job), pid)
    });
    let mut pids = holds.each_ref().map(|(_, pid)| published(pid));
    pids.sort_unstable();
    assert!(pids.windows(2).all(|pair| pair[0] != pair[1]), "{pids:?}");
    std::fs::write(&release, "").unwrap();
    for (id, _) in holds {
        stand.outcome(&id).value();
    }
}

fn the_load_is_reported_by_the_pool() {
    let stand = Stand::new(1);
    let room = stand.executor.room();
    let directory = tempfile::tempdir().unwrap();
    let (pid, release) = (directory.path().join("pid"), directory.path().join("release"));
    let held = stand.add(JobBuilder::new("tests::hold").args([json!(pid), json!(release)]));
    published(&pid);
    let waiting = [0; 3].map(|_| stand.add(JobBuilder::new("tests::pid")));
    until("for the queue to fill", || (stand.load().queued == 3).then_some(()));
    assert_eq!(stand.load().running, 1);
    assert_eq!(stand.executor.room(), room - 3);
    std::fs::write(&release, "").unwrap();
    for id in [held].iter().chain(&waiting) {
        stand.outcome(id).value();
    }
    until("for the end of all runs", || (stand.load().running == 0).then_some(()));
    assert_eq!(stand.load().queued, 0);
}
