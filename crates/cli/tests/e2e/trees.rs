//! No process of a command is left, however its run or the program ends.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::program::{FAMILY, Place, Running, wait_for};

/// Signals with a shorter interval count as one.
const APART: Duration = Duration::from_millis(60);

/// A daemon in a process group of its own without a parent, a process that ignores TERM, and the first process, which ends at
/// TERM before the others.
const SHELL: &str = r#"
    setsid sh -c '(sleep 600 & echo >daemon); sleep 600' &
    (trap "" TERM; echo >deaf; while :; do sleep 600; done) &
    until [ -e daemon ] && [ -e deaf ]; do sleep 0.01; done
    echo >began
    sleep 600
"#;

const EXECUTORS: [&str; 3] = ["threadpool", "processpool", "tokio"];

struct Tree {
    place: Place,
    running: Running,
    executor: &'static str,
}

impl Tree {
    /// Starts the program with a command that runs until it is ended.
    fn start(executor: &'static str, options: &str) -> Self {
        let place = Place::with_jobs(&format!(
            "[executors.default]\ntype = '{executor}'\n\
             [[jobs]]\nid = 'tree'\nfunc = 'command'\nmisfire_grace_time = 'none'\n{options}\n\
             [jobs.kwargs]\ncwd = 'job'\nkill_after = 1\nshell = '''{SHELL}'''\n"
        ));
        fs::create_dir(place.path("job")).unwrap();
        let running = place.start("run");
        let tree = Self { place, running, executor };
        wait_for("the command", || tree.place.exists("job/began").then_some(()));
        tree
    }

    /// The number of processes of the command.
    fn count(&self) -> usize {
        let directory = self.place.path("job");
        processes(|process| fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd == directory))
            .len()
    }

    /// The program and all processes that it has started.
    fn family(&self) -> Vec<Pid> {
        let mark = format!("{FAMILY}={}", self.place.path("").display());
        processes(|process| {
            let environment = fs::read(process.join("environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
        })
    }

    /// The process that runs the command for the program.
    fn worker(&self) -> Pid {
        let is_worker = |pid: &Pid| {
            let path = format!("/proc/{}/cmdline", pid.as_raw_nonzero());
            fs::read(path).is_ok_and(|line| line.ends_with(b"\0--apscheduler-worker\0"))
        };
        self.family().into_iter().find(is_worker).unwrap()
    }

    fn assert_none_is_left(&self) {
        assert_eq!(self.count(), 0, "{}: {}", self.executor, self.running.log());
    }

    fn wait_until_none_is_left(&self) {
        wait_for("the end of the command", || (self.count() == 0).then_some(()));
        // Including helper processes of the program.
        wait_for("the end of the family", || self.family().is_empty().then_some(()));
    }
}

fn processes(wanted: impl Fn(&Path) -> bool) -> Vec<Pid> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    entries
        .filter_map(|entry| {
            let pid = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
            wanted(&entry.path()).then_some(pid)
        })
        .collect()
}

#[test]
fn a_timeout_of_the_job_ends_the_whole_tree() {
    for executor in EXECUTORS {
        let mut tree = Tree::start(executor, "timeout = 4");
        let error = tree.running.wait_for_job("JOB_ERROR", "tree");
        let text = error["exception"].as_str().unwrap();
        assert!(text.contains("took longer than its timeout of 4 s"), "{text}");
        tree.assert_none_is_left();
        let events = tree.running.drain();
        assert!(events.iter().all(|event| event["event"] != "JOB_EXECUTED"), "{events:?}");
        tree.wait_until_none_is_left();
    }
}

#[test]
fn the_second_signal_ends_the_whole_tree() {
    for executor in EXECUTORS {
        let mut tree = Tree::start(executor, "");
        tree.running.signal(Signal::TERM);
        tree.running.wait_for_log("SIGTERM: waiting for running jobs to finish");
        std::thread::sleep(APART);
        assert!(tree.count() >= 5, "the first signal lets it run");
        tree.running.signal(Signal::TERM);
        assert_eq!(tree.running.ended().code(), Some(143), "{}", tree.running.log());
        tree.assert_none_is_left();
        tree.wait_until_none_is_left();
    }
}

#[test]
fn kill_9_of_the_program_ends_the_whole_tree() {
    for executor in EXECUTORS {
        let mut tree = Tree::start(executor, "");
        assert!(tree.count() >= 5);
        tree.running.kill();
        tree.wait_until_none_is_left();
    }
}

#[test]
fn kill_9_of_a_worker_process_ends_the_whole_tree() {
    let mut tree = Tree::start("processpool", "");
    kill_process(tree.worker(), Signal::KILL).unwrap();
    let error = tree.running.wait_for_job("JOB_ERROR", "tree");
    assert!(error["exception"].as_str().unwrap().contains("died during the job"), "{error}");
    tree.assert_none_is_left();
    tree.running.drain();
    tree.wait_until_none_is_left();
}

#[test]
fn kill_9_of_the_program_and_its_worker_ends_the_whole_tree() {
    let mut tree = Tree::start("processpool", "");
    tree.running.signal(Signal::STOP);
    kill_process(tree.worker(), Signal::KILL).unwrap();
    tree.running.kill();
    tree.wait_until_none_is_left();
}

#[test]
fn endless_output_does_not_fill_the_log() {
    let place = Place::with_jobs(
        "[[jobs]]\nid = 'talks'\nfunc = 'command'\nmisfire_grace_time = 'none'\n\
         kwargs = { shell = 'yes | head -n 300000', max_lines = 500 }\n\
         [[jobs]]\nid = 'hasty'\nfunc = 'command'\nmisfire_grace_time = 'none'\n\
         kwargs = { shell = 'yes | head -n 300000', max_lines_per_second = 5 }\n\
         [[jobs]]\nid = 'default'\nfunc = 'command'\nmisfire_grace_time = 'none'\n\
         kwargs = { shell = 'yes | head -n 300000' }\n",
    );
    let mut running = place.start("run");
    for id in ["talks", "hasty", "default"] {
        running.wait_for_job("JOB_EXECUTED", id);
    }
    running.drain();
    let log = running.log();
    for line in [
        "skipped 299500 lines of output (599000 bytes): more than 500 lines in one run",
        "more than 5 lines in one second",
        "more than 1000 lines in one second",
    ] {
        assert!(log.contains(line), "{line}");
    }
    assert!(log.len() < 3_000_000, "{}", log.len());
}
