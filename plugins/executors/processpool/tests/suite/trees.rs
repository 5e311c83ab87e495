//! Programs started by runs of the function `command`: none is left when the outcome of the run is reported.

use std::fs;
use std::path::Path;
use std::time::Duration;

use apscheduler_core::Shutdown;
use apscheduler_core::job::JobBuilder;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::processes::{count_in, runs, signal, until};
use super::stand::{Stand, tests};

tests![
    a_timeout_gives_programs_their_grace_period_and_leaves_no_process,
    a_shutdown_gives_programs_their_grace_period_and_leaves_no_process,
    a_killed_worker_leaves_no_process,
    processes_of_a_run_that_ended_by_itself_outlive_its_worker,
];

/// Ends at TERM, like its daemon, which has left the group and lost its parent.
const TIDY: &str = "setsid sh -c 'sleep 600 & echo >daemon' & \
    trap 'echo tidying up; sleep 0.4; echo >tidy; exit 0' TERM; \
    until [ -e daemon ]; do sleep 0.01; done; echo >began; while :; do sleep 0.01; done";

/// Its first process ends at TERM; the other one ignores TERM.
const STUBBORN: &str = "(trap '' TERM; echo >deaf; while :; do sleep 600; done) & \
    until [ -e deaf ]; do sleep 0.01; done; echo >began; sleep 600";

fn job(directory: &Path, shell: &str, kill_after: f64) -> JobBuilder {
    let kwargs = json!({"shell": shell, "cwd": directory, "kill_after": kill_after});
    let Value::Object(kwargs) = kwargs else { unreachable!("an object") };
    kwargs
        .into_iter()
        .fold(JobBuilder::new("command"), |job, (name, value)| job.kwarg(&name, value))
}

fn wait_until_began(directory: &Path) {
    until("for the program", || directory.join("began").exists().then_some(()));
    assert!(count_in(directory) >= 2);
}

/// Asserts that the program could clean up at TERM.
fn assert_tidy(directory: &Path) {
    let is_tidy = !directory.join("daemon").exists() || directory.join("tidy").exists();
    assert!(is_tidy, "it had no time to tidy up");
}

fn a_timeout_gives_programs_their_grace_period_and_leaves_no_process() {
    let stand = Stand::new(2);
    let (tidy, stubborn) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let timeout = Duration::from_secs(4);
    let first = stand.add(job(tidy.path(), TIDY, 600.0).timeout(timeout));
    let second = stand.add(job(stubborn.path(), STUBBORN, 0.5).timeout(timeout));
    for (directory, id) in [(tidy, first), (stubborn, second)] {
        let message = stand.outcome(&id).message();
        assert!(message.starts_with("took longer than its timeout of 4 s"), "{message}");
        assert!(directory.path().join("began").exists(), "it never began");
        assert_eq!(count_in(directory.path()), 0);
        assert_tidy(directory.path());
    }
}

fn a_shutdown_gives_programs_their_grace_period_and_leaves_no_process() {
    let stand = Stand::new(2);
    let (tidy, stubborn) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = stand.add(job(tidy.path(), TIDY, 600.0));
    let second = stand.add(job(stubborn.path(), STUBBORN, 0.5));
    wait_until_began(tidy.path());
    wait_until_began(stubborn.path());
    stand.scheduler.shutdown(Shutdown::Now).unwrap();
    for (directory, id) in [(tidy, first), (stubborn, second)] {
        let message = stand.outcome(&id).message();
        assert!(message.starts_with("/bin/sh was cancelled and ended by TERM"), "{message}");
        assert_eq!(count_in(directory.path()), 0);
        assert_tidy(directory.path());
    }
}

fn a_killed_worker_leaves_no_process() {
    for (shell, kill_after) in [(TIDY, 600.0), (STUBBORN, 0.5)] {
        let stand = Stand::new(1);
        let worker = stand.pid();
        let directory = tempfile::tempdir().unwrap();
        let id = stand.add(job(directory.path(), shell, kill_after));
        wait_until_began(directory.path());
        signal(worker, Signal::KILL);
        let message = stand.outcome(&id).message();
        assert!(message.contains("died during the job: signal: 9"), "{message}");
        assert_eq!(count_in(directory.path()), 0);
    }
}

fn processes_of_a_run_that_ended_by_itself_outlive_its_worker() {
    let stand = Stand::new(1);
    let worker = stand.pid();
    let directory = tempfile::tempdir().unwrap();
    let shell = "setsid sleep 600 >/dev/null 2>&1 & echo $! >pid";
    stand.run(job(directory.path(), shell, 1.0)).value();
    let pid = fs::read_to_string(directory.path().join("pid")).unwrap();
    let pid: u32 = pid.trim().parse().unwrap();
    let files = ["a", "b"].map(|name| json!(directory.path().join(name)));
    let hold = JobBuilder::new("tests::hold").args(files).timeout(Duration::from_millis(300));
    stand.run(hold).error();
    assert_ne!(stand.pid(), worker);
    assert!(runs(pid));
    signal(pid, Signal::KILL);
}
