//! The functions that the jobs of the suite call.

use std::error::Error as StdError;
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use apscheduler_core::OnRemove;
use apscheduler_core::Shutdown;
use apscheduler_core::function::{JobContext, JobError};
use apscheduler_core::registry::Registry;
use apscheduler_core::{Extensions, Result};
use apscheduler_engine::JobContextExt as _;
use apscheduler_engine::Scheduler;
use serde_json::{Value, json};

use super::gate::{Gate, is_there};
use super::tick::{sleep, tick, yield_once};
use super::{Flavor, eventually};

/// Suppresses the output of panics in this file, which are intended.
pub(super) fn silence_panics() {
    let others = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if info.location().is_none_or(|location| location.file() != file!()) {
            others(info);
        }
    }));
}

/// The message of the function `panic_plainly`.
pub(super) const PLAIN_PANIC: &str = "a panic with a plain message";

/// The message of the function `fail_when_cancelled`.
const ENDED_EARLY: &str = "ended early";

/// The state that the function `context` requests.
#[derive(Debug)]
pub(super) struct SuiteState(&'static str);

/// The value of the state.
pub(super) const STATE: &str = "handed out";

/// Inserts the state that one of the functions requests. In its own process, the suite does this
/// itself.
pub fn insert_states(states: &Extensions) {
    states.insert(SuiteState::new());
}

impl SuiteState {
    pub(super) fn new() -> Self {
        Self(STATE)
    }
}

/// Returns the name under which a function of the suite is registered.
pub(super) fn full_name(flavor: Flavor, function: &str) -> String {
    format!("apscheduler_testkit::{}::{function}", flavor.name())
}

/// Registers the functions that the jobs of the suite call, each as a plain and as an async
/// function. In its own process, the suite does this itself.
///
/// # Errors
/// [`ErrorKind::DuplicateName`](apscheduler_core::ErrorKind::DuplicateName) if they are already
/// registered.
pub fn register(registry: &Registry) -> Result<()> {
    register_sync(registry)?;
    register_async(registry)
}

fn register_sync(registry: &Registry) -> Result<()> {
    let name = |function| full_name(Flavor::Sync, function);
    registry.register_function(&name("echo"), |value: Value| value)?;
    registry.register_function(&name("fail"), fail)?;
    registry.register_function(&name("panic"), |message: String| panic_with(&message))?;
    registry.register_function(&name("panic_plainly"), panic_plainly)?;
    registry.register_function(&name("context"), describe)?;
    registry.register_function(&name("nap"), |context: &JobContext, milliseconds: u64| {
        std::thread::sleep(Duration::from_millis(milliseconds));
        context.cancellation().is_cancelled()
    })?;
    registry.register_function(
        &name("hold"),
        |context: &JobContext, folder: String, gate: String| Gate::new(folder, gate).pass(context),
    )?;
    registry.register_function(
        &name("until_cancelled"),
        |context: &JobContext, folder: String, gate: String| -> Result<_, JobError> {
            Gate::new(folder, gate).arrive(context)?;
            eventually("the token is cancelled", || context.cancellation().is_cancelled());
            Ok("cancelled")
        },
    )?;
    registry.register_function(
        &name("fail_when_cancelled"),
        |context: &JobContext, folder: String, gate: String| -> Result<(), JobError> {
            Gate::new(folder, gate).arrive(context)?;
            eventually("the token is cancelled", || context.cancellation().is_cancelled());
            Err(JobError::new(ENDED_EARLY))
        },
    )?;
    registry.register_function(&name("hang"), |folder: String| {
        while is_there(Path::new(&folder)) {
            sleep();
        }
    })?;
    registry.register_function(&name("shut_down"), shut_down)?;
    registry
        .register_function(&name("remove_executor"), |context: &JobContext, alias: String| {
            remove_executor(context, &alias)
        })?;
    registry.register_function(&name("abort"), abort)?;
    registry.register_function(&name("exit"), exit)?;
    registry.register_function(&name("hang_in_exit"), hang_in_exit)
}

fn register_async(registry: &Registry) -> Result<()> {
    let name = |function| full_name(Flavor::Async, function);
    registry.register_function(&name("echo"), |value: Value| async move {
        yield_once().await;
        value
    })?;
    registry.register_function(&name("fail"), |message: String, cause: String| async move {
        yield_once().await;
        fail(message, cause)
    })?;
    registry.register_function(&name("panic"), |message: String| async move {
        yield_once().await;
        panic_with(&message);
    })?;
    registry.register_function(&name("panic_plainly"), || async { panic_plainly() })?;
    registry.register_function(&name("context"), |context: JobContext| async move {
        describe(&context)
    })?;
    registry.register_function(
        &name("nap"),
        |context: JobContext, milliseconds: u64| async move {
            let until = Instant::now() + Duration::from_millis(milliseconds);
            while Instant::now() < until {
                tick().await;
            }
            context.cancellation().is_cancelled()
        },
    )?;
    registry.register_function(
        &name("hold"),
        |context: JobContext, folder: String, gate: String| async move {
            Gate::new(folder, gate).pass_async(&context).await
        },
    )?;
    registry.register_function(
        &name("until_cancelled"),
        |context: JobContext, folder: String, gate: String| async move {
            Gate::new(folder, gate).arrive(&context)?;
            context.cancellation().cancelled().await;
            Ok::<_, JobError>("cancelled")
        },
    )?;
    registry.register_function(
        &name("fail_when_cancelled"),
        |context: JobContext, folder: String, gate: String| async move {
            Gate::new(folder, gate).arrive(&context)?;
            context.cancellation().cancelled().await;
            Err::<(), _>(JobError::new(ENDED_EARLY))
        },
    )?;
    registry.register_function(&name("hang"), |folder: String| async move {
        while is_there(Path::new(&folder)) {
            tick().await;
        }
    })?;
    registry
        .register_function(&name("shut_down"), |context: JobContext, wait: bool| async move {
            shut_down(&context, wait)
        })?;
    registry.register_function(
        &name("remove_executor"),
        |context: JobContext, alias: String| async move { remove_executor(&context, &alias) },
    )?;
    registry.register_function(&name("abort"), || async { abort() })?;
    registry.register_function(&name("exit"), |code: i32| async move { exit(code) })?;
    registry.register_function(&name("hang_in_exit"), || async { hang_in_exit() })
}

fn fail(message: String, cause: String) -> Result<(), Failure> {
    Err(Failure { message, cause: Some(Box::new(Failure { message: cause, cause: None })) })
}

pub(super) fn panic_with(message: &str) {
    panic!("{message}")
}

fn panic_plainly() {
    panic!("a panic with a plain message")
}

fn describe(context: &JobContext) -> Value {
    json!({
        "job_id": context.job_id(),
        "job_name": context.job_name(),
        "jobstore": context.jobstore(),
        "scheduled_run_time": context.scheduled_run_time().to_rfc3339(),
        "run_id": context.run_id().to_string(),
        "attempt": context.attempt(),
        "state": context.extension::<SuiteState>().map(|state| state.0),
        "process": std::process::id(),
    })
}

fn scheduler(context: &JobContext) -> Result<Scheduler, JobError> {
    context.scheduler().ok_or_else(|| JobError::new("there is no scheduler here"))
}

fn shut_down(context: &JobContext, wait: bool) -> Result<(), JobError> {
    let shutdown = if wait { Shutdown::Wait } else { Shutdown::Now };
    Ok(scheduler(context)?.shutdown(shutdown)?)
}

fn remove_executor(context: &JobContext, alias: &str) -> Result<(), JobError> {
    Ok(scheduler(context)?.remove_executor(alias, OnRemove::ShutDown)?)
}

fn abort() {
    std::process::abort()
}

fn exit(code: i32) {
    std::process::exit(code)
}

/// Makes this thread hang when it ends, so that a process exit called on it never completes.
fn hang_in_exit() {
    HANG.with(|_| ());
}

thread_local! {
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

/// An error with a cause.
#[derive(Debug)]
struct Failure {
    message: String,
    cause: Option<Box<Failure>>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Failure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}
