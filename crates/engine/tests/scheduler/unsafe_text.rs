//! Control characters in ids, names and errors do not reach a terminal or a log unescaped.

use apscheduler_core::function::JobError;
use apscheduler_core::job::JobBuilder;
use chrono::TimeDelta;
use tracing::Level;

use crate::captured_log::logged;
use crate::recorder::{at, every, scheduler};

const ID: &str = "a\nb\u{1b}[31m";
const SHOWN: &str = r"a\nb\u{1b}[31m";

fn assert_safe(text: &str) {
    let unsafe_char = |c: char| c.is_control() && c != '\n';
    assert!(!text.contains(unsafe_char), "{text:?}");
    let forged = text.lines().any(|line| line.starts_with("2027") || line.starts_with('b'));
    assert!(!forged, "{text:?}");
}

#[test]
fn ids_and_names_are_shown_escaped() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    let job = JobBuilder::new("tests::ok").id(ID).name(ID).trigger(every(10));
    let job = scheduler.add_job(job).unwrap();
    assert!(job.to_string().starts_with(SHOWN), "{job}");
    assert_safe(&format!("{job:?}"));
    let mut printed = Vec::new();
    scheduler.print_jobs(&mut printed).unwrap();
    let printed = String::from_utf8(printed).unwrap();
    assert!(printed.contains(SHOWN), "{printed}");
    assert_safe(&printed);
    let error = scheduler.add_job(JobBuilder::new("tests::ok").id(ID)).unwrap_err();
    assert!(error.to_string().contains(&format!("`{SHOWN}`")), "{error}");
    assert_safe(&error.chain());
}

#[test]
fn errors_and_panics_of_jobs_are_logged_escaped() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    let fails = || -> Result<(), JobError> {
        Err(JobError::new("one\n2027-01-01 INFO two\u{1b}]0;x\u{7}").with_trace("b\r\n2027 c"))
    };
    let panics = || -> () { panic!("one\n2027 two\u{9b}") };
    for (id, job) in [("fails", JobBuilder::new(fails)), ("panics", JobBuilder::new(panics))] {
        let job = job.id(id).name(ID).next_run_time(at(1)).trigger(every(100));
        scheduler.add_job(job).unwrap();
    }
    let told = logged(Level::DEBUG, || {
        scheduler.advance(TimeDelta::seconds(1));
    });
    assert!(told.len() >= 2, "{told:?}");
    for line in told {
        assert!(line.contains(SHOWN), "{line}");
        assert_safe(&line);
    }
}
