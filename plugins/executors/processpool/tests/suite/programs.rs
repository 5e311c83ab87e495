//! Starts this program as other programs, for behavior that is visible only from outside.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Output, Stdio};

use apscheduler_core::job::JobBuilder;
use apscheduler_engine::schedulers::BackgroundScheduler;
use apscheduler_executor_processpool::{ProcessPoolExecutor, worker};
use rustix::process::Signal;
use serde_json::json;

use super::chaos;
use super::processes::{published, runs, signal, wait_for_the_end_of};
use super::stand::{Stand, tests};

tests![
    jobs_print_to_the_output_of_the_program,
    a_killed_program_leaves_no_orphan,
    a_killed_program_leaves_no_orphan_while_a_copy_of_it_lives,
    a_set_up_that_fails_is_the_error_of_the_run,
    a_set_up_that_panics_is_the_error_of_the_run,
    a_worker_that_never_reaches_its_hook_starts_nothing,
    a_worker_can_not_be_started_manually,
    a_program_started_by_a_job_is_not_a_worker,
    a_second_hook_is_refused,
    a_log_missing_in_workers_is_reported,
];

/// The variable that selects the program. Workers inherit it, but do not read it.
const PROGRAM: &str = "PROCESSPOOL_TEST_PROGRAM";
const DIRECTORY: &str = "PROCESSPOOL_TEST_DIRECTORY";

const PRINT: &str = "print";
const ORPHANS: &str = "orphans";
const COPIED: &str = "copied";
const ONE_JOB: &str = "one job";
pub(crate) const FAILING_SET_UP: &str = "failing set-up";
pub(crate) const PANICKING_SET_UP: &str = "panicking set-up";
pub(crate) const CHAOS: &str = "chaos";
const HIDDEN_HOOK: &str = "hidden hook";
const TWO_HOOKS: &str = "two hooks";
const LOG_AFTER_HOOK: &str = "log after hook";
const LOG_IN_WORKERS: &str = "log in workers";

pub(crate) fn asked_for() -> Option<String> {
    std::env::var(PROGRAM).ok()
}

pub(crate) fn hides_the_hook(program: Option<&str>) -> bool {
    program == Some(HIDDEN_HOOK)
}

fn command(program: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(PROGRAM, program);
    command
}

pub(crate) fn output(program: &str) -> Output {
    command(program).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs a program in place of the tests.
pub(crate) fn run(program: &str) -> ExitCode {
    match program {
        PRINT => {
            let stand = Stand::new(1);
            stand.run(JobBuilder::new("tests::print").args([json!("one")])).value();
            stand.run(JobBuilder::new("tests::print").args([json!("two")])).value();
            println!(" and the program");
        }
        ORPHANS => {
            let directory = PathBuf::from(std::env::var_os(DIRECTORY).unwrap());
            let files = ["pid 1", "child", "pid 2", "never", "pid 3"]
                .map(|name| json!(directory.join(name)));
            let [first, child, second, never, idle] = files;
            let stand = Stand::new(3);
            stand.add(JobBuilder::new("tests::hold_with_child").args([first, child]));
            stand.add(JobBuilder::new("tests::hold").args([second, never]));
            // The third worker is idle when the program is killed.
            let pid = stand.pid();
            std::fs::write(idle.as_str().unwrap(), pid.to_string()).unwrap();
            loop {
                std::thread::park();
            }
        }
        COPIED => {
            let directory = PathBuf::from(std::env::var_os(DIRECTORY).unwrap());
            let stand = Stand::new(1);
            let worker = stand.pid();
            let mut copy = super::jobs::leave_copy().unwrap();
            super::jobs::publish(&directory.join("copy"), copy.id());
            super::jobs::publish(&directory.join("worker"), worker);
            copy.wait().unwrap();
        }
        ONE_JOB | FAILING_SET_UP | PANICKING_SET_UP => {
            let outcome = Stand::new(1).run(JobBuilder::new("tests::pid"));
            println!("{outcome:?}");
        }
        TWO_HOOKS => {
            worker::init(apscheduler_testkit::linked_registry);
            let scheduler: BackgroundScheduler<apscheduler_testkit::TestPlugins> =
                BackgroundScheduler::new();
            scheduler.add_executor("default", ProcessPoolExecutor::new(1)).unwrap();
            println!("{}", scheduler.start().unwrap_err());
        }
        LOG_AFTER_HOOK | LOG_IN_WORKERS => {
            start_log();
            let stand = Stand::new(2);
            for _ in 0..2 {
                stand.run(JobBuilder::new("tests::log").args([json!("from the job")])).value();
                // The next job gets a new worker.
                stand.run(JobBuilder::new("tests::abort")).error();
            }
        }
        CHAOS => chaos::run(),
        other => panic!("unknown program {other}"),
    }
    ExitCode::SUCCESS
}

/// Whether the set-up of a worker of this program starts a log.
pub(crate) fn workers_log() -> bool {
    asked_for().is_some_and(|program| program == LOG_IN_WORKERS)
}

pub(crate) fn start_log() {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
}

/// A program that calls the hook only if it has no arguments; workers have one.
pub(crate) fn run_without_hook() -> ExitCode {
    if std::env::args_os().len() == 1 {
        worker::init_with(apscheduler_testkit::linked_registry, super::jobs::set_up);
        return run(ONE_JOB);
    }
    let scheduler: BackgroundScheduler<apscheduler_testkit::TestPlugins> =
        BackgroundScheduler::new();
    scheduler.add_executor("default", ProcessPoolExecutor::new(1)).unwrap();
    let error = scheduler.start().unwrap_err();
    eprintln!("as a worker: {error}");
    ExitCode::from(3)
}

fn jobs_print_to_the_output_of_the_program() {
    let output = output(PRINT);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(text(&output.stdout), "one to stdouttwo to stdout and the program\n");
    assert_eq!(text(&output.stderr), "one to stderr\ntwo to stderr\n");
}

fn a_killed_program_leaves_no_orphan() {
    let directory = tempfile::tempdir().unwrap();
    let mut program: Child = command(ORPHANS).env(DIRECTORY, directory.path()).spawn().unwrap();
    let pids =
        ["pid 1", "child", "pid 2", "pid 3"].map(|name| published(&directory.path().join(name)));
    assert!(pids.into_iter().all(runs), "{pids:?}");
    signal(program.id(), Signal::KILL);
    program.wait().unwrap();
    pids.into_iter().for_each(wait_for_the_end_of);
}

fn a_killed_program_leaves_no_orphan_while_a_copy_of_it_lives() {
    let directory = tempfile::tempdir().unwrap();
    let mut program: Child = command(COPIED).env(DIRECTORY, directory.path()).spawn().unwrap();
    let [worker, copy] = ["worker", "copy"].map(|name| published(&directory.path().join(name)));
    signal(program.id(), Signal::KILL);
    program.wait().unwrap();
    wait_for_the_end_of(worker);
    assert!(runs(copy), "it holds the socket until then");
    signal(copy, Signal::KILL);
}

fn a_set_up_that_fails_is_the_error_of_the_run() {
    let printed = text(&output(FAILING_SET_UP).stdout);
    let expected = "a worker process can't be set up: no greeting: the disk is on fire";
    assert!(printed.contains(expected), "{printed}");
}

fn a_set_up_that_panics_is_the_error_of_the_run() {
    let printed = text(&output(PANICKING_SET_UP).stdout);
    let expected = "a worker process can't be set up: panicked: no greeting at all";
    assert!(printed.contains(expected), "{printed}");
}

fn a_worker_that_never_reaches_its_hook_starts_nothing() {
    let output = output(HIDDEN_HOOK);
    let (printed, complaints) = (text(&output.stdout), text(&output.stderr));
    assert!(printed.contains("ended before it was ready: exit status: 3"), "{printed}");
    assert!(printed.contains("is the worker hook the first line of `main`?"), "{printed}");
    assert_eq!(complaints.matches("as a worker: ").count(), 1, "{complaints}");
    assert!(complaints.contains("has no worker hook"), "{complaints}");
}

fn a_worker_can_not_be_started_manually() {
    let assert_refused = |input: Stdio| {
        let output = command(PRINT).arg("--apscheduler-worker").stdin(input).output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{output:?}");
        assert!(text(&output.stderr).contains("which a process pool starts"), "{output:?}");
        assert!(output.stdout.is_empty());
    };
    assert_refused(Stdio::null());
    assert_refused(Stdio::piped());
}

/// The environment inherited from a worker must not turn the program into a worker.
fn a_program_started_by_a_job_is_not_a_worker() {
    let stand = Stand::new(1);
    let outcome = stand.run(JobBuilder::new("tests::start_itself").args([json!(ONE_JOB)]));
    let printed = outcome.value();
    assert!(printed.as_str().unwrap().starts_with("Executed("), "{printed}");
}

fn a_second_hook_is_refused() {
    let printed = text(&output(TWO_HOOKS).stdout);
    assert!(printed.contains("the worker hook is called more than once"), "{printed}");
    assert!(printed.contains("suite/mod.rs") && printed.contains("suite/programs.rs"), "{printed}");
}

fn a_log_missing_in_workers_is_reported() {
    let log = |program| text(&output(program).stderr);
    let lost = log(LOG_AFTER_HOOK);
    assert_eq!(lost.matches("what jobs log in worker processes is lost").count(), 1, "{lost}");
    assert!(lost.contains("init_worker_with") && !lost.contains("from the job"), "{lost}");
    let log = log(LOG_IN_WORKERS);
    assert_eq!(log.matches("from the job").count(), 2, "{log}");
    assert!(!log.contains("is lost"), "{log}");
}

/// Starts this program from within a job. Returns what it prints.
pub(crate) fn start_itself(program: &str) -> std::io::Result<String> {
    let mut child = command(program).stdout(Stdio::piped()).spawn()?;
    let mut printed = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_string(&mut printed)?;
    }
    child.wait()?;
    Ok(printed)
}
