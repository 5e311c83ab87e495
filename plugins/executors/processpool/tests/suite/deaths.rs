//! Workers that die.

use apscheduler_core::job::JobBuilder;
use rustix::process::Signal;
use serde_json::json;

use super::processes::{published, runs, signal, stop, until, wait_for_the_end_of};
use super::stand::{Stand, tests};

tests![
    a_death_is_an_error_of_its_run_with_the_cause,
    other_runs_continue,
    processes_of_a_job_end_with_the_worker,
    a_run_survives_a_worker_that_was_already_dead,
    a_run_that_the_worker_never_read_is_not_lost,
];

fn a_death_is_an_error_of_its_run_with_the_cause() {
    let stand = Stand::new(1);
    let mut pids = vec![stand.pid()];
    for (job, how) in [
        (JobBuilder::new("tests::abort"), "signal: 6 (SIGABRT)"),
        (JobBuilder::new("tests::killed"), "signal: 9 (SIGKILL)"),
        (JobBuilder::new("tests::exit").args([json!(3)]), "exit status: 3"),
        (JobBuilder::new("tests::exit").args([json!(0)]), "exit status: 0"),
    ] {
        let error = stand.run(job).error();
        let pid = pids.last().unwrap();
        let expected = format!("the worker process {pid} died during the job: {how}");
        assert!(error.message().starts_with(&expected), "{error}");
        assert!(!error.is_panic());
        pids.push(stand.pid());
    }
    pids.dedup();
    assert_eq!(pids.len(), 5, "each was replaced: {pids:?}");
}

fn other_runs_continue() {
    let stand = Stand::new(2);
    let directory = tempfile::tempdir().unwrap();
    let (pid, release) = (directory.path().join("pid"), directory.path().join("release"));
    let held = stand.add(JobBuilder::new("tests::hold").args([json!(pid), json!(release)]));
    let holder = published(&pid);
    for _ in 0..3 {
        stand.run(JobBuilder::new("tests::abort")).error();
    }
    assert!(runs(holder));
    std::fs::write(&release, "").unwrap();
    stand.outcome(&held).value();
    until("for the end of all runs", || (stand.load().running == 0).then_some(()));
}

fn processes_of_a_job_end_with_the_worker() {
    let stand = Stand::new(1);
    let directory = tempfile::tempdir().unwrap();
    let child = directory.path().join("child");
    stand.run(JobBuilder::new("tests::abort_with_child").args([json!(child)])).error();
    wait_for_the_end_of(published(&child));
}

fn a_run_survives_a_worker_that_was_already_dead() {
    let stand = Stand::new(1);
    for _ in 0..5 {
        let pid = stand.pid();
        signal(pid, Signal::KILL);
        wait_for_the_end_of(pid);
        assert_ne!(stand.pid(), pid);
    }
}

/// Only Linux reports that sent data was never read. Elsewhere such a run is an error.
#[cfg(target_os = "linux")]
fn a_run_that_the_worker_never_read_is_not_lost() {
    let stand = Stand::new(1);
    for _ in 0..5 {
        let pid = stand.pid();
        stop(pid);
        let id = stand.add(JobBuilder::new("tests::pid"));
        until("for the run to be sent", || (stand.load().running == 1).then_some(()));
        signal(pid, Signal::KILL);
        assert_ne!(stand.outcome(&id).value(), pid);
    }
}
