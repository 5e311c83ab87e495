//! The functions that the tests run.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use apscheduler_core::function::{JobContext, JobError, Json};
use apscheduler_core::registry::Registry;
use apscheduler_core::{Error, ErrorKind, Extensions, Result};
use apscheduler_engine::JobContextExt as _;
use rustix::process::{Signal, getpgrp, getpid, kill_process};
use serde_json::{Value, json};

use super::programs;

/// The state that the set-up of a worker inserts for jobs.
struct Greeting(String);

/// The set-up of every worker of this program.
pub(crate) fn set_up(registry: &Registry, states: &Extensions) -> Result<()> {
    match programs::asked_for().as_deref() {
        Some(programs::FAILING_SET_UP) => {
            return Err(Error::new(ErrorKind::Io, "no greeting").with_source(JobFailure));
        }
        Some(programs::PANICKING_SET_UP) => panic!("no greeting at all"),
        _ => {}
    }
    if programs::workers_log() {
        programs::start_log();
    }
    states.insert(Greeting("hello from the set-up".to_owned()));
    register(registry)
}

#[derive(Debug)]
struct JobFailure;

impl std::fmt::Display for JobFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the disk is on fire")
    }
}

impl std::error::Error for JobFailure {}

pub(crate) fn register(registry: &Registry) -> Result<()> {
    registry.register_function("tests::echo", |value: Value| Json(value))?;
    registry.register_function("tests::add", |left: i64, right: i64| left + right)?;
    registry.add_function(apscheduler_core::function::Function::with_kwargs(
        "tests::kwargs",
        |_, kwargs: Value| Json(kwargs),
    ))?;
    registry.register_function("tests::add_later", |left: i64, right: i64| async move {
        std::future::ready(left + right).await
    })?;
    registry.register_function("tests::fail", || {
        Err::<(), _>(Error::new(ErrorKind::Io, "burnt").with_source(JobFailure))
    })?;
    registry.register_function("tests::panic", |text: String| -> () { panic!("{text}") })?;
    registry.register_function("tests::panic_later", |text: String| async move {
        assert!(text.is_empty(), "{text}");
    })?;
    registry.register_function("tests::nested", |depth: usize| Json(nested(depth)))?;
    registry.register_function("tests::print", |text: String| {
        // Output without a line end must be flushed too.
        print!("{text} to stdout");
        eprintln!("{text} to stderr");
    })?;
    registry.register_function("tests::log", |text: String| tracing::info!("{text}"))?;
    registry.register_function("tests::greeting", |context: &JobContext| {
        context.extension::<Greeting>().map(|greeting| greeting.0.clone())
    })?;
    registry.register_function("tests::context", context)?;
    registry.register_function("tests::pid", std::process::id)?;
    registry.register_function("tests::abort", || -> () { std::process::abort() })?;
    registry.register_function("tests::abort_with_child", |child: PathBuf| -> () {
        // If it survives, it must not keep pipes of the tests open.
        let sleep = Command::new("sleep")
            .arg("1000")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        publish(&child, sleep.id());
        std::process::abort()
    })?;
    registry.register_function("tests::exit", |code: i32| -> () { std::process::exit(code) })?;
    registry
        .register_function("tests::killed", || kill_process(getpid(), Signal::KILL).unwrap())?;
    registry.register_function("tests::read_stdin", || {
        std::io::read_to_string(std::io::stdin()).unwrap()
    })?;
    registry.register_function("tests::hold", |pid: PathBuf, release: PathBuf| {
        hold(&pid, &release);
    })?;
    registry.register_function("tests::hold_with_child", |pid: PathBuf, child: PathBuf| {
        let mut sleep = Command::new("sleep").arg("1000").spawn()?;
        publish(&child, sleep.id());
        hold(&pid, &child.with_extension("never"));
        sleep.kill()
    })?;
    registry.register_function(
        "tests::hold_until_cancelled",
        |context: &JobContext, pid: PathBuf| {
            publish(&pid, std::process::id());
            while !context.cancellation().is_cancelled() {
                std::thread::sleep(Duration::from_millis(1));
            }
            "cancelled"
        },
    )?;
    registry.register_function(
        "tests::await_cancelled",
        |context: JobContext, pid: PathBuf| async move {
            publish(&pid, std::process::id());
            context.cancellation().cancelled().await;
            "cancelled"
        },
    )?;
    registry.register_function("tests::hold_against_term", |pid: PathBuf, release: PathBuf| {
        signal_hook::flag::register(
            signal_hook::consts::SIGTERM,
            Arc::new(AtomicBool::new(false)),
        )?;
        hold(&pid, &release);
        Ok::<_, JobError>(())
    })?;
    registry.register_function("tests::start_itself", |program: String| {
        programs::start_itself(&program)
    })?;
    registry.add_function(apscheduler_function_command::function())?;
    registry.register_function("tests::leave_copy", |copy: PathBuf| {
        publish(&copy, leave_copy()?.id());
        Ok::<_, JobError>(std::process::id())
    })?;
    registry.register_function(
        "tests::abort_with_copy",
        |copy: PathBuf| -> Result<(), JobError> {
            publish(&copy, leave_copy()?.id());
            std::process::abort()
        },
    )?;
    registry.register_function("tests::hang_in_exit", || {
        HANG.with(|_| ());
        std::process::id()
    })?;
    registry.register_function("tests::mark", mark)
}

/// Returns lists nested to this depth.
pub(crate) fn nested(depth: usize) -> Value {
    (0..depth).fold(Value::Null, |inner, _| Value::Array(vec![inner]))
}

fn context(context: &JobContext) -> Json<Value> {
    Json(json!({
        "job_id": context.job_id(),
        "job_name": context.job_name(),
        "jobstore": context.jobstore(),
        "scheduled_run_time": context.scheduled_run_time().timestamp_micros(),
        "run_id": context.run_id().to_string(),
        "attempt": context.attempt(),
        "has_scheduler": context.scheduler().is_some(),
        "leads_a_group": getpgrp() == getpid(),
    }))
}

/// Writes a process id in one step.
pub(crate) fn publish(file: &Path, pid: u32) {
    let draft = file.with_extension("draft");
    std::fs::write(&draft, pid.to_string()).unwrap();
    std::fs::rename(&draft, file).unwrap();
}

thread_local! {
    /// Hangs the thread that exits.
    static HANG: Hang = const { Hang };
}

struct Hang;

impl Drop for Hang {
    fn drop(&mut self) {
        loop {
            std::thread::park();
        }
    }
}

/// Leaves a process that inherits the socket between scheduler and worker, like a `fork` of this process. It is in its
/// own process group.
pub(crate) fn leave_copy() -> Result<Child, JobError> {
    let this = rustix::process::pidfd_open(getpid(), rustix::process::PidfdFlags::empty())?;
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        let link = std::fs::read_link(entry.path()).unwrap_or_default();
        if link.to_string_lossy().starts_with("socket:") {
            let number = entry.file_name().to_string_lossy().parse::<i32>()?;
            let flags = rustix::process::PidfdGetfdFlags::empty();
            let socket = rustix::process::pidfd_getfd(this, number, flags)?;
            let mut sleep = Command::new("sleep");
            sleep.arg("1000").process_group(0).stdin(socket);
            return Ok(sleep.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
        }
    }
    Err(JobError::new("this process has no socket"))
}

/// Publishes its process id, and waits until the file `release` exists.
fn hold(pid: &Path, release: &Path) {
    publish(pid, std::process::id());
    while !release.exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Appends a line to a file, so that runs can be counted.
fn mark(file: PathBuf, number: u64, millis: u64) -> u64 {
    let mut file = OpenOptions::new().append(true).create(true).open(file).unwrap();
    file.write_all(format!("{number}\n").as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(millis));
    number
}
