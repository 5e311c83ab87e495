//! Workers that should exit: every wait for them has a limit.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use apscheduler_core::Shutdown;
use apscheduler_core::job::JobBuilder;
use apscheduler_executor_processpool::ProcessPoolOptions;
use rustix::process::Signal;
use serde_json::json;

use super::processes::{PATIENCE, published, runs, signal, stop};
use super::stand::{Stand, tests};

tests![
    a_copy_of_the_socket_does_not_delay_a_dismissal,
    a_copy_of_the_socket_does_not_hide_a_death,
    a_worker_that_hangs_in_its_exit_is_killed,
    a_worker_that_hangs_in_its_exit_delays_no_other_run,
    a_worker_that_hangs_in_its_exit_is_killed_soon_without_wait,
    a_stopped_idle_worker_does_not_delay_a_shutdown,
];

/// Shuts the scheduler down on another thread, and fails if that takes too long.
fn shut_down(stand: &Stand, shutdown: Shutdown) {
    let (sender, done) = mpsc::channel();
    let scheduler = stand.scheduler.handle();
    std::thread::spawn(move || sender.send(scheduler.shutdown(shutdown)));
    done.recv_timeout(PATIENCE).expect("the shutdown returns").unwrap();
}

fn a_copy_of_the_socket_does_not_delay_a_dismissal() {
    let options = ProcessPoolOptions::default().max_workers(1).max_tasks_per_child(1);
    let stand = Stand::with_options(&options);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("copy");
    let first = stand.run(JobBuilder::new("tests::leave_copy").args([json!(file)])).value();
    let copy = published(&file);
    assert_ne!(stand.pid(), first, "the pool continues with a new worker");
    shut_down(&stand, Shutdown::Wait);
    assert!(runs(copy), "processes left by a job may survive if its worker exits by itself");
    signal(copy, Signal::KILL);
}

fn a_copy_of_the_socket_does_not_hide_a_death() {
    let stand = Stand::new(1);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("copy");
    let outcome = stand.run(JobBuilder::new("tests::abort_with_copy").args([json!(file)]));
    assert!(outcome.message().contains("SIGABRT"));
    signal(published(&file), Signal::KILL);
}

fn hanging(stand: &Stand) -> u32 {
    let pid = stand.run(JobBuilder::new("tests::hang_in_exit")).value();
    pid.as_u64().unwrap().try_into().unwrap()
}

fn a_worker_that_hangs_in_its_exit_is_killed() {
    let stand = Stand::new(1);
    let pid = hanging(&stand);
    shut_down(&stand, Shutdown::Wait);
    assert!(!runs(pid));
}

fn a_worker_that_hangs_in_its_exit_delays_no_other_run() {
    let options = ProcessPoolOptions::default().max_workers(1).max_tasks_per_child(1);
    let stand = Stand::with_options(&options);
    let first = hanging(&stand);
    assert_ne!(stand.pid(), first);
    assert!(!runs(first));
}

fn a_worker_that_hangs_in_its_exit_is_killed_soon_without_wait() {
    let stand = Stand::new(1);
    let pid = hanging(&stand);
    shut_down(&stand, Shutdown::Now);
    let begun = Instant::now();
    super::processes::wait_for_the_end_of(pid);
    // It has a quarter of a second, less than in a shutdown that waits.
    assert!(begun.elapsed() < Duration::from_secs(4));
}

fn a_stopped_idle_worker_does_not_delay_a_shutdown() {
    let stand = Stand::new(1);
    let pid = stand.pid();
    stop(pid);
    shut_down(&stand, Shutdown::Wait);
    assert!(!runs(pid));
}
