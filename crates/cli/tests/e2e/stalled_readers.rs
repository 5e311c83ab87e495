//! Stalled readers of the log and the events delay neither jobs nor signals.

use std::io::{self, PipeReader, Read as _};
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::program::{Place, wait_for};

/// A job that prints more than a pipe holds, and jobs that record their runs.
fn jobs(executor: &str) -> String {
    format!(
        "[executors]\ndefault.type = '{executor}'\n\
         [[jobs]]\nid = 'much'\nfunc = 'command'\nmisfire_grace_time = 'none'\n\
         kwargs = {{ shell = 'yes | head -c 400000; touch printed', max_lines = 'none', max_lines_per_second = 'none' }}\n\
         [[jobs]]\nid = 'often'\nfunc = 'command'\nkwargs.shell = 'echo x; echo x >> ran'\n\
         trigger = {{ type = 'interval', seconds = 0.05 }}\n\
         misfire_grace_time = 'none'\n\
         [[jobs]]\nid = 'logs'\nfunc = 'log'\nkwargs.message = 'a line'\n\
         trigger = {{ type = 'interval', seconds = 0.05 }}\n\
         misfire_grace_time = 'none'\n"
    )
}

/// `apscheduler run` whose output is not read until the test reads it.
struct Unread {
    place: Place,
    child: Child,
    reader: PipeReader,
}

impl Unread {
    /// Starts `run` with these arguments. The log or the events go into the pipe.
    fn start(jobs: &str, args: &[&str]) -> Self {
        let place = Place::with_jobs(jobs);
        let (reader, writer) = io::pipe().unwrap();
        let mut command = place.command(&[&["run", "jobs.toml"], args].concat());
        command.stdin(Stdio::null());
        if args.contains(&"-") {
            command.stdout(writer).stderr(std::fs::File::create(place.path("log")).unwrap());
        } else {
            command.stdout(Stdio::null()).stderr(writer);
        }
        let child = command.spawn().unwrap();
        Self { place, child, reader }
    }

    fn ran(&self) -> usize {
        let ran = std::fs::read_to_string(self.place.path("ran")).unwrap_or_default();
        ran.lines().count()
    }

    fn wait_for_more_runs(&self) {
        let before = self.ran();
        wait_for("more runs", || (self.ran() > before + 10).then_some(()));
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn ended(&mut self) -> Option<i32> {
        wait_for("the end of the program", || self.child.try_wait().unwrap()).code()
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        // It may have exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_stalled_log_reader_delays_neither_jobs_nor_shutdown() {
    for executor in ["threadpool", "processpool", "loop"] {
        let mut unread = Unread::start(&jobs(executor), &[]);
        wait_for("much output", || unread.place.exists("printed").then_some(()));
        unread.wait_for_more_runs();
        unread.signal(Signal::TERM);
        assert_eq!(unread.ended(), Some(0), "{executor}");
    }
}

#[test]
fn a_stalled_log_reader_does_not_delay_the_second_signal() {
    let forever = "[[jobs]]\nid = 'forever'\nfunc = 'command'\nmisfire_grace_time = 'none'\n\
        kwargs.shell = 'touch began; yes'\n";
    let mut unread = Unread::start(&format!("{}{forever}", jobs("threadpool")), &[]);
    wait_for("much output", || unread.place.exists("printed").then_some(()));
    wait_for("the command", || unread.place.exists("began").then_some(()));
    unread.signal(Signal::TERM);
    std::thread::sleep(Duration::from_millis(200));
    unread.signal(Signal::TERM);
    assert_eq!(unread.ended(), Some(143));
}

#[test]
fn the_log_says_how_many_lines_were_dropped() {
    // It prints 200,000 lines, far more than are queued.
    let mut unread = Unread::start(&jobs("threadpool"), &[]);
    wait_for("much output", || unread.place.exists("printed").then_some(()));
    unread.wait_for_more_runs();
    let mut reader = unread.reader.try_clone().unwrap();
    let log = std::thread::spawn(move || {
        let mut log = String::new();
        reader.read_to_string(&mut log).unwrap();
        log
    });
    unread.wait_for_more_runs();
    unread.signal(Signal::TERM);
    assert_eq!(unread.ended(), Some(0));
    let log = log.join().unwrap();
    let missing: Vec<usize> = log
        .lines()
        .filter_map(|line| {
            let line =
                line.strip_suffix(" lines were dropped here: standard error was not read")?;
            line.rsplit_once("WARN apscheduler: ")?.1.parse().ok()
        })
        .collect();
    assert!(!missing.is_empty());
    // All lines are either in the log or counted as dropped.
    let (printed, missing) =
        (log.matches("job_id=\"much\"").count(), missing.iter().sum::<usize>());
    assert!(printed + missing > 150_000, "{printed} and {missing}");
    assert!(
        log.contains("SIGTERM: waiting for running jobs to finish"),
        "what comes later is all there"
    );
}

#[test]
fn a_stalled_event_reader_delays_neither_jobs_nor_shutdown() {
    let mut unread = Unread::start(&jobs("threadpool"), &["--events", "-"]);
    // Each run has two events of more than 200 bytes, and a pipe holds 64 KiB.
    wait_for("many runs", || (unread.ran() > 250).then_some(()));
    unread.wait_for_more_runs();
    unread.signal(Signal::TERM);
    assert_eq!(unread.ended(), Some(0));
    // All lines are complete, except the last one.
    let mut events = String::new();
    unread.reader.read_to_string(&mut events).unwrap();
    let whole = &events[..events.rfind('\n').unwrap()];
    for line in whole.lines() {
        serde_json::from_str::<Value>(line).unwrap();
    }
}
