//! Runs a program and waits for its end.

use std::future::Future as _;
use std::io::{self, Read};
use std::path::PathBuf;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use apscheduler_core::executor::CancellationToken;
use apscheduler_core::function::{JobContext, JobError, JobResult};
use apscheduler_core::printable;
use apscheduler_core::run::Fence;
use apscheduler_core::time::Zone;
use serde_json::json;

use crate::group::Group;
use crate::limit::OutputMeter;
use crate::options::CommandOptions;
use crate::output::{self, Tail};
use crate::redirect;
use crate::script;

/// How long to wait for the rest of the output after the program has exited. A background process may keep the pipes open
/// forever.
const OUTPUT_GRACE: Duration = Duration::from_secs(1);

/// How many bytes of the end of the output the return value contains.
const OUTPUT: usize = 16 * 1024;

/// How many bytes of the end of standard error an error contains.
const ERRORS: usize = 4 * 1024;

/// The end of what a program has written.
struct Tails {
    /// To both streams.
    output: Tail,
    /// To standard error.
    errors: Tail,
}

/// Identifies the run to the program and in the log.
#[derive(Clone, Debug)]
pub(crate) struct RunLabels {
    pub(crate) job_id: String,
    pub(crate) job_name: String,
    pub(crate) jobstore: String,
    pub(crate) scheduled_run_time: String,
    pub(crate) run_id: String,
    pub(crate) fence: Fence,
}

impl RunLabels {
    pub(crate) fn of(context: &JobContext) -> Self {
        Self {
            job_id: context.job_id().to_owned(),
            job_name: context.job_name().to_owned(),
            jobstore: context.jobstore().to_owned(),
            scheduled_run_time: Zone::UTC.iso(context.scheduled_run_time()),
            run_id: context.run_id().to_string(),
            fence: context.fence(),
        }
    }
}

/// An event while a program runs.
enum Notice {
    Exited,
    OutputEnded,
    /// The run was cancelled.
    Cancelled,
}

/// Why a program was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    TimedOut,
    Cancelled,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Exited,
    Terminated(Reason),
    Killed(Reason),
}

/// A waker that reports a cancellation.
struct CancellationWaker(Sender<Notice>);

impl Wake for CancellationWaker {
    fn wake(self: Arc<Self>) {
        // The run may have ended.
        let _ = self.0.send(Notice::Cancelled);
    }
}

pub(crate) fn run(
    labels: &RunLabels,
    options: &CommandOptions,
    cancellation: &CancellationToken,
) -> JobResult {
    if cancellation.is_cancelled() {
        return Err(JobError::new(format!("{} was cancelled before it started", options.program)));
    }
    let started = Instant::now();
    let (sender, notices) = mpsc::channel();
    let mut group = start(labels, options)?;
    let tails = Tails { output: Tail::new(OUTPUT), errors: Tail::new(ERRORS) };
    let mut open = watch(&mut group, labels, options, &tails, &sender)
        .map_err(|error| JobError::new(format!("can't start a thread: {error}")))?;

    let (status, end) = {
        let waker = Waker::from(Arc::new(CancellationWaker(sender)));
        let mut cancelled = pin!(cancellation.cancelled());
        if cancelled.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            waker.wake();
        }
        wait(&mut group, options, started, &notices, &mut open)
            .map_err(|error| JobError::new(format!("can't wait for the program: {error}")))?
    };
    let patience = Instant::now() + OUTPUT_GRACE;
    while open > 0 {
        match receive(&notices, Some(patience)) {
            Some(Notice::OutputEnded) => open -= 1,
            Some(_) => {}
            None => break,
        }
    }
    if open > 0 {
        tracing::warn!(
            target: "apscheduler::command",
            job_id = labels.job_id,
            "{} has exited, but a process that it started keeps its output open",
            options.program
        );
    }
    result(status, end, options, started.elapsed(), &tails)
}

fn start(labels: &RunLabels, options: &CommandOptions) -> Result<Group, JobError> {
    let program = &options.program;
    let mut command = program.command(options.umask);
    if let Some(user) = &options.user {
        user.apply(&mut command);
    }
    command
        .stdin(Stdio::null())
        .env("APSCHEDULER_JOB_ID", &labels.job_id)
        .env("APSCHEDULER_JOB_NAME", &labels.job_name)
        .env("APSCHEDULER_JOBSTORE", &labels.jobstore)
        .env("APSCHEDULER_SCHEDULED_RUN_TIME", &labels.scheduled_run_time)
        .env("APSCHEDULER_RUN_ID", &labels.run_id)
        .env("APSCHEDULER_ATTEMPT", labels.fence.attempt().to_string())
        .env("APSCHEDULER_FENCE", labels.fence.to_string())
        .envs(options.env.iter().map(|(name, value)| (name, value)));
    if let Some(cwd) = &options.cwd {
        // The system reports a missing directory like a missing program.
        if !cwd.is_dir() {
            let message = format!(
                "can't run {program}: cwd: the directory `{}` does not exist",
                cwd.display()
            );
            return Err(JobError::new(message));
        }
        command.current_dir(cwd);
    }
    let target = |key: &str, file: Option<&PathBuf>| {
        let target =
            redirect::target(file.map(|file| &**file), options.cwd.as_deref(), options.umask);
        target.map_err(|error| JobError::new(format!("can't run {program}: {key}: {error}")))
    };
    command.stdout(target("stdout", options.stdout.as_ref())?);
    command.stderr(target("stderr", options.stderr.as_ref())?);
    let run = (labels.run_id.as_str(), labels.fence.attempt());
    let group = Group::spawn(&mut command, run, options.kill_after).map_err(|error| {
        let reason = match error.kind() {
            io::ErrorKind::NotFound => options
                .file()
                .and_then(|file| script::fault(&file))
                .unwrap_or_else(|| "program not found".to_owned()),
            _ => error.to_string(),
        };
        JobError::new(format!("can't run {program}: {reason}"))
    })?;
    if let Some(nice) = options.nice {
        // The group is ended when it is dropped.
        group.set_niceness(nice).map_err(|error| {
            JobError::new(format!("can't run {program}: nice: can't set it to {}: {error}", nice.0))
        })?;
    }
    Ok(group)
}

/// Starts the threads that watch the program. Returns the number of open output streams.
fn watch(
    group: &mut Group,
    labels: &RunLabels,
    options: &CommandOptions,
    tails: &Tails,
    sender: &Sender<Notice>,
) -> io::Result<usize> {
    // A failure to send means that the receiver no longer waits.
    let tell = |notice: Notice| {
        let sender = sender.clone();
        move || drop(sender.send(notice))
    };
    let (stdout, stderr) = group.take_outputs();
    let open = usize::from(stdout.is_some()) + usize::from(stderr.is_some());
    let meter = Arc::new(OutputMeter::new(options.limits, open));
    if let Some(pipe) = stdout {
        let tails = vec![tails.output.clone()];
        read(pipe, "stdout", labels, &meter, tails, tell(Notice::OutputEnded))?;
    }
    if let Some(pipe) = stderr {
        let tails = vec![tails.output.clone(), tails.errors.clone()];
        read(pipe, "stderr", labels, &meter, tails, tell(Notice::OutputEnded))?;
    }
    group.watch(tell(Notice::Exited))?;
    Ok(open)
}

fn read(
    pipe: impl Read + Send + 'static,
    stream: &'static str,
    labels: &RunLabels,
    meter: &Arc<OutputMeter>,
    tails: Vec<Tail>,
    ended: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    let job_id = labels.job_id.clone();
    let meter = Arc::clone(meter);
    output::in_thread("apscheduler-command-output", move || {
        let note = |note: &str| tracing::warn!(target: "apscheduler::command", job_id, "{note}");
        output::each_line(pipe, |line| {
            if meter.admit(line.len(), Instant::now(), note) {
                let shown = printable::lines(line);
                tracing::info!(target: "apscheduler::command", job_id, stream, "{shown}");
            }
            for tail in &tails {
                tail.push(line);
            }
        });
        meter.stream_ended(note);
        ended();
    })
}

/// Waits for the exit, and stops the program at its timeout or when the run is cancelled.
fn wait(
    group: &mut Group,
    options: &CommandOptions,
    started: Instant,
    notices: &Receiver<Notice>,
    open: &mut usize,
) -> io::Result<(ExitStatus, End)> {
    let mut end = End::Exited;
    // A deadline that overflows means no deadline.
    let mut deadline = options.timeout.and_then(|timeout| started.checked_add(timeout));
    loop {
        let reason = match receive(notices, deadline) {
            Some(Notice::Exited) => break,
            Some(Notice::OutputEnded) => {
                *open -= 1;
                continue;
            }
            Some(Notice::Cancelled) if end != End::Exited => continue,
            Some(Notice::Cancelled) => Reason::Cancelled,
            None => Reason::TimedOut,
        };
        (end, deadline) = match end {
            End::Exited => (End::Terminated(reason), Some(group.terminate())),
            End::Terminated(reason) | End::Killed(reason) => {
                group.kill();
                (End::Killed(reason), None)
            }
        };
    }
    if end == End::Exited && group.is_ending() {
        end = End::Terminated(Reason::Cancelled);
    }
    if end != End::Exited {
        // Other processes of the group may still run.
        group.end();
    }
    Ok((group.reap()?, end))
}

fn receive(notices: &Receiver<Notice>, deadline: Option<Instant>) -> Option<Notice> {
    match deadline {
        Some(deadline) => {
            let rest = deadline.saturating_duration_since(Instant::now());
            notices.recv_timeout(rest).ok()
        }
        // The thread that watches the program sends `Exited` before it ends.
        None => Some(notices.recv().unwrap_or(Notice::Exited)),
    }
}

fn result(
    status: ExitStatus,
    end: End,
    options: &CommandOptions,
    duration: Duration,
    tails: &Tails,
) -> JobResult {
    let seconds = options.timeout.unwrap_or_default().as_secs_f64();
    let what = match end {
        End::Exited if status.success() => {
            let duration = (duration.as_secs_f64() * 1e3).round() / 1e3;
            let mut value = json!({"status": 0, "duration": duration});
            let output = tails.output.text();
            if !output.is_empty() {
                value["output"] = output.into();
            }
            return Ok(value);
        }
        End::Exited => ended(status, options),
        End::Terminated(Reason::TimedOut) => {
            format!("took longer than {seconds} s and was ended by TERM")
        }
        End::Killed(Reason::TimedOut) => {
            format!("took longer than {seconds} s and was ended by KILL")
        }
        End::Terminated(Reason::Cancelled) => "was cancelled and ended by TERM".to_owned(),
        End::Killed(Reason::Cancelled) => "was cancelled and ended by KILL".to_owned(),
    };
    let stderr = tails.errors.text();
    let last = stderr.lines().next_back().map(|line| format!(": {line}"));
    let message = format!("{} {what}{}", options.program, last.unwrap_or_default());
    let error = JobError::new(message);
    Err(if stderr.lines().count() < 2 {
        error
    } else {
        error.with_trace(format!("the end of its standard error:\n{stderr}"))
    })
}

/// The exit statuses of shells and `env` for a program that can't be run, and for one that was not found.
const CANNOT_RUN: [i32; 2] = [126, 127];

fn ended(status: ExitStatus, options: &CommandOptions) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("was ended by signal {signal}");
    }
    match status.code() {
        Some(code) => {
            let fault = CANNOT_RUN
                .contains(&code)
                .then(|| options.file().and_then(|file| script::fault(&file)))
                .flatten();
            let fault = fault.map(|fault| format!(" ({fault})")).unwrap_or_default();
            format!("exited with status {code}{fault}")
        }
        None => format!("ended: {status}"),
    }
}

#[cfg(test)]
#[cfg(unix)]
#[path = "run_tests.rs"]
mod tests;
