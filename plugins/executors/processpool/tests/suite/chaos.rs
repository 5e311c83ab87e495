//! Workers are killed at random under load, and every run is accounted for.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use apscheduler_core::Shutdown;
use apscheduler_core::job::JobBuilder;
use rustix::process::Signal;
use serde_json::json;

use super::processes::{PATIENCE, runs, signal, until, workers};
use super::programs;
use super::stand::{Outcome, Stand, tests};

tests![every_run_is_accounted_for_while_workers_are_killed];

const RUNS: u64 = 4000;

/// Runs in its own program, because all workers of the program may be killed.
fn every_run_is_accounted_for_while_workers_are_killed() {
    let output = programs::output(programs::CHAOS);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

pub(crate) fn run() {
    let stand = Stand::new(4);
    let directory = tempfile::tempdir().unwrap();
    let marks = directory.path().join("marks");
    let over = AtomicBool::new(false);
    let outcomes = std::thread::scope(|scope| {
        let killer = scope.spawn(|| kill_at_random(&over));
        for number in 0..RUNS {
            let args = [json!(marks), json!(number), json!(number % 2)];
            stand.add(JobBuilder::new("tests::mark").id(number.to_string()).args(args));
        }
        let outcomes = until("for all outcomes", || {
            Some(stand.outcomes()).filter(|outcomes| outcomes.len() as u64 == RUNS)
        });
        over.store(true, Ordering::SeqCst);
        let count = killer.join().unwrap();
        assert!(count > 20, "only {count} were killed");
        outcomes
    });
    let mut marked: HashMap<u64, u64> = HashMap::new();
    for line in std::fs::read_to_string(&marks).unwrap().lines() {
        *marked.entry(line.parse().unwrap()).or_default() += 1;
    }
    let mut failed = 0;
    for number in 0..RUNS {
        let [outcome] = &outcomes[&number.to_string()][..] else {
            panic!("run {number} does not have one outcome: {:?}", outcomes[&number.to_string()]);
        };
        let times = marked.get(&number).copied().unwrap_or_default();
        match outcome {
            Outcome::Executed(value) => {
                assert_eq!(**value, number);
                assert_eq!(times, 1, "run {number} was executed");
            }
            Outcome::Error(error) => {
                assert!(times <= 1, "run {number} failed and ran {times} times");
                let how = "died during the job: signal: 9 (SIGKILL)";
                assert!(error.message().ends_with(how), "run {number}: {error}");
                failed += 1;
            }
            Outcome::Other(name) => panic!("run {number}: {name}"),
        }
    }
    assert!(failed > 0 && failed < RUNS / 2, "{failed} runs failed");
    until("for the end of all runs", || (stand.load().running == 0).then_some(()));
    let left = workers();
    stand.scheduler.shutdown(Shutdown::Wait).unwrap();
    assert!(!left.iter().any(|&pid| runs(pid)), "{left:?}");
}

/// Kills workers until `over` is set. Returns how many it has killed.
fn kill_at_random(over: &AtomicBool) -> u32 {
    let patience = Instant::now() + PATIENCE;
    let mut killed = 0;
    while !over.load(Ordering::SeqCst) && Instant::now() < patience {
        if let Some(pid) = fastrand::choice(workers()) {
            signal(pid, Signal::KILL);
            killed += 1;
        }
        std::thread::sleep(Duration::from_millis(fastrand::u64(2..20)));
    }
    killed
}
