//! `apscheduler run`, from start to exit.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::program::{Place, Running, wait_for};

/// Signals with a shorter interval count as one.
const APART: Duration = Duration::from_millis(60);

/// Jobs without a trigger run at the start. This one waits for a file.
const WAITS: &str = "[[jobs]]\nid = 'waits'\nfunc = 'command'\nmisfire_grace_time = 'none'\n\
    kwargs = { shell = 'touch began; until [ -e go ]; do sleep 0.02; done; touch done' }\n";

/// This one runs forever, and creates a file when it gets TERM.
const FOREVER: &str = "[[jobs]]\nid = 'forever'\nfunc = 'command'\nmisfire_grace_time = 'none'\n\
    kwargs = { shell = 'trap \"touch asked; exit 9\" TERM; touch began; while :; do sleep 0.02; done' }\n";

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().unwrap()).collect()
}

fn start(place: &Place) -> Running {
    let running = place.start("run");
    wait_for("the job", || place.exists("began").then_some(()));
    running
}

#[test]
fn the_first_signal_drains() {
    let place = Place::with_jobs(&format!(
        "{WAITS}[[jobs]]\nid = 'often'\nfunc = 'command'\nkwargs.argv = ['true']\n\
         trigger = {{ type = 'interval', seconds = 0.05 }}\n"
    ));
    let mut running = start(&place);
    running.wait_for_job("JOB_EXECUTED", "often");
    running.signal(Signal::INT);
    running.wait_for_log("SIGINT: waiting for running jobs to finish");
    place.write("go", "");
    assert_eq!(running.ended().code(), Some(0), "{}", running.log());
    assert!(place.exists("done"));

    let events = running.events();
    let names = names(&events);
    for name in
        ["EXECUTOR_ADDED", "JOBSTORE_ADDED", "SCHEDULER_STARTED", "JOB_ADDED", "SCHEDULER_RESUMED"]
    {
        assert!(names.contains(&name), "{name} is missing in {names:?}");
    }
    assert_eq!(names.last(), Some(&"SCHEDULER_SHUTDOWN"));
    // Every submitted run has an outcome.
    let count = |name: &str| names.iter().filter(|found| **found == name).count();
    assert_eq!(count("JOB_SUBMITTED"), count("JOB_EXECUTED"), "{names:?}");
    let executed = events
        .iter()
        .find(|event| event["job_id"] == "waits" && event["event"] == "JOB_EXECUTED")
        .unwrap();
    assert_eq!(executed["retval"]["status"], 0);
    // Times are in order, and are UTC.
    let times: Vec<&str> = events.iter().map(|event| event["time"].as_str().unwrap()).collect();
    assert!(times.is_sorted() && times.iter().all(|time| time.ends_with("+00:00")), "{times:?}");
}

#[test]
fn a_second_signal_stops_at_once() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let place = Place::with_jobs(FOREVER);
        let mut running = start(&place);
        running.signal(Signal::TERM);
        running.wait_for_log("SIGTERM: waiting for running jobs to finish");
        std::thread::sleep(APART);
        running.signal(signal);
        assert_eq!(running.ended().code(), Some(code), "{}", running.log());
        // The command has ended, and its end was reported.
        assert!(place.exists("asked"));
        let events = running.events();
        let error = events.iter().find(|event| event["event"] == "JOB_ERROR").unwrap();
        // The shell may add a message of its own.
        assert!(
            error["exception"]
                .as_str()
                .unwrap()
                .starts_with("/bin/sh was cancelled and ended by TERM"),
            "{error}"
        );
    }
}

#[test]
fn the_second_signal_kills_a_command_that_ignores_term() {
    let place = Place::with_jobs(
        "[[jobs]]\nid = 'stubborn'\nfunc = 'command'\nmisfire_grace_time = 'none'\n\
         kwargs = { shell = \"trap '' TERM; echo $$ > pid; touch began; while :; do sleep 0.02; done\" }\n",
    );
    let mut running = start(&place);
    running.signal(Signal::TERM);
    running.wait_for_log("SIGTERM: waiting for running jobs to finish");
    std::thread::sleep(APART);
    let begun = Instant::now();
    running.signal(Signal::TERM);
    assert_eq!(running.ended().code(), Some(143));
    assert!(begun.elapsed().as_secs() < 15);
    let pid = std::fs::read_to_string(place.path("pid")).unwrap();
    wait_for("the end of the command", || {
        let stat =
            std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        (stat.is_empty() || stat.contains(") Z")).then_some(())
    });
}

#[test]
fn output_is_logged_and_errors_include_its_end() {
    let place = Place::with_jobs(
        "[[jobs]]\nid = 'talks'\nfunc = 'command'\nmisfire_grace_time = 'none'\n\
         kwargs.shell = 'echo to stdout; echo one >&2; echo two >&2; exit 3'\n",
    );
    let mut running = place.start("run");
    let error = running.wait_for_job("JOB_ERROR", "talks");
    assert_eq!(error["exception"], "/bin/sh exited with status 3: two");
    assert_eq!(error["traceback"], "the end of its standard error:\none\ntwo");
    running.drain();
    let log = running.log();
    for line in [
        "apscheduler::command: to stdout job_id=\"talks\" stream=\"stdout\"",
        "one job_id=\"talks\" stream=\"stderr\"",
    ] {
        assert!(log.contains(line), "{log}");
    }
}

#[test]
fn jobs_continue_when_the_event_reader_closes_standard_output() {
    let place = Place::with_jobs(
        "[[jobs]]\nid = 'often'\nfunc = 'command'\nkwargs.shell = 'echo x >> ran'\n\
         trigger = { type = 'interval', seconds = 0.05 }\n",
    );
    let mut child = place
        .command(&["run", "jobs.toml", "--events", "-"])
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(place.path("log")).unwrap())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(first["event"], "JOBSTORE_ADDED");
    assert!(lines.by_ref().any(|line| line.unwrap().contains("JOB_EXECUTED")));
    drop(lines);
    let log = || std::fs::read_to_string(place.path("log")).unwrap();
    wait_for("the complaint", || log().contains("can't write events to `-`").then_some(()));
    let ran = || std::fs::read_to_string(place.path("ran")).unwrap().lines().count();
    let before = ran();
    wait_for("more runs", || (ran() > before + 2).then_some(()));
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{}", log());
    assert_eq!(log().matches("can't write events").count(), 1);
}

#[test]
fn events_are_appended_to_the_file() {
    let place = Place::with_jobs("");
    for runs in 1..=2 {
        let mut running = place.start("run");
        wait_for("the start", || {
            (names(&running.events()).iter().filter(|name| **name == "SCHEDULER_RESUMED").count()
                == runs)
                .then_some(())
        });
        running.drain();
    }
}

#[test]
fn runs_jobs_without_a_configured_store() {
    let place = Place::new();
    place.write("jobs.toml", WAITS);
    place.write("go", "");
    let mut running = place.start("run");
    running.wait_for_job("JOB_EXECUTED", "waits");
    running.drain();
}
