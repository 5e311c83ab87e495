//! One run of a program, from its start to its end.

use std::io::{self, Read};
use std::process::{ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use apscheduler_core::function::{JobContext, JobError, JobResult};
use apscheduler_core::time::Zone;
use serde_json::json;

use crate::group::Group;
use crate::options::CommandOptions;
use crate::output::{self, Tail};

/// How long to wait for the rest of the output when the program has exited: a process that it left behind may hold the
/// pipes open for ever.
const LAST_OUTPUT: Duration = Duration::from_secs(1);

/// What the program and the log are told of the run.
#[derive(Clone, Debug)]
pub(crate) struct RunLabels {
    pub(crate) job_id: String,
    pub(crate) job_name: String,
    pub(crate) jobstore: String,
    pub(crate) scheduled_run_time: String,
}

impl RunLabels {
    pub(crate) fn of(context: &JobContext) -> Self {
        Self {
            job_id: context.job_id().to_owned(),
            job_name: context.job_name().to_owned(),
            jobstore: context.jobstore().to_owned(),
            scheduled_run_time: Zone::UTC.iso(context.scheduled_run_time()),
        }
    }
}

/// What a thread that watches the program tells.
enum Notice {
    Exited,
    OutputEnded,
}

/// How a program came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Itself,
    Terminated,
    Killed,
}

pub(crate) fn run(labels: &RunLabels, options: &CommandOptions) -> JobResult {
    let started = Instant::now();
    let (sender, notices) = mpsc::channel();
    let mut group = start(labels, options)?;
    let tail = Tail::default();
    let mut open = follow(&group, labels, &tail, &sender)
        .map_err(|error| JobError::new(format!("can't start a thread: {error}")))?;

    let (status, end) = wait(&mut group, options, started, &notices, &mut open)
        .map_err(|error| JobError::new(format!("can't wait for the program: {error}")))?;
    let patience = Instant::now() + LAST_OUTPUT;
    while open > 0 {
        match receive(&notices, Some(patience)) {
            Some(_) => open -= 1,
            None => break,
        }
    }
    if open > 0 {
        tracing::warn!(
            target: "apscheduler::command",
            job_id = labels.job_id,
            "{} has exited and left a process behind that keeps its output open",
            options.program
        );
    }
    result(status, end, options, started.elapsed(), &tail)
}

fn start(labels: &RunLabels, options: &CommandOptions) -> Result<Group, JobError> {
    let program = &options.program;
    let mut command = program.command();
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .env("APSCHEDULER_JOB_ID", &labels.job_id)
        .env("APSCHEDULER_JOB_NAME", &labels.job_name)
        .env("APSCHEDULER_JOBSTORE", &labels.jobstore)
        .env("APSCHEDULER_SCHEDULED_RUN_TIME", &labels.scheduled_run_time)
        .envs(options.env.iter().map(|(name, value)| (name, value)));
    if let Some(cwd) = &options.cwd {
        // The system says "not found" for a missing directory and for a missing program.
        if !cwd.is_dir() {
            let message =
                format!("can't run {program}: cwd: there is no directory `{}`", cwd.display());
            return Err(JobError::new(message));
        }
        command.current_dir(cwd);
    }
    Group::spawn(&mut command).map_err(|error| {
        let reason = match error.kind() {
            io::ErrorKind::NotFound => "there is no such program".to_owned(),
            _ => error.to_string(),
        };
        JobError::new(format!("can't run {program}: {reason}"))
    })
}

/// Starts the threads that watch the program. Returns the number of its open outputs.
fn follow(
    group: &Group,
    labels: &RunLabels,
    tail: &Tail,
    sender: &Sender<Notice>,
) -> io::Result<usize> {
    // The receiver may have stopped waiting for it: then nobody wants to know.
    let tell = |notice: Notice| {
        let sender = sender.clone();
        move || drop(sender.send(notice))
    };
    let (stdout, stderr) = group.take_outputs();
    let mut open = 0;
    if let Some(pipe) = stdout {
        read(pipe, "stdout", labels, None, tell(Notice::OutputEnded))?;
        open += 1;
    }
    if let Some(pipe) = stderr {
        read(pipe, "stderr", labels, Some(tail.clone()), tell(Notice::OutputEnded))?;
        open += 1;
    }
    group.watch(tell(Notice::Exited))?;
    Ok(open)
}

fn read(
    pipe: impl Read + Send + 'static,
    stream: &'static str,
    labels: &RunLabels,
    tail: Option<Tail>,
    ended: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    let job_id = labels.job_id.clone();
    output::in_thread("command-output", move || {
        output::each_line(pipe, |line| {
            tracing::info!(target: "apscheduler::command", job_id, stream, "{line}");
            if let Some(tail) = &tail {
                tail.push(line);
            }
        });
        ended();
    })
}

/// Waits for the exit, and hurries it when the time is up.
fn wait(
    group: &mut Group,
    options: &CommandOptions,
    started: Instant,
    notices: &Receiver<Notice>,
    open: &mut usize,
) -> io::Result<(ExitStatus, End)> {
    let mut end = End::Itself;
    // A time that no clock will show is none.
    let mut deadline = options.timeout.and_then(|timeout| started.checked_add(timeout));
    loop {
        match receive(notices, deadline) {
            Some(Notice::Exited) => break,
            Some(Notice::OutputEnded) => *open -= 1,
            None if end == End::Itself => {
                end = End::Terminated;
                group.terminate();
                deadline = Instant::now().checked_add(options.kill_after);
            }
            None => {
                end = End::Killed;
                group.kill();
                deadline = None;
            }
        }
    }
    let status = group.reap()?;
    if end == End::Terminated {
        group.end_rest(deadline.unwrap_or_else(Instant::now));
    }
    Ok((status, end))
}

fn receive(notices: &Receiver<Notice>, deadline: Option<Instant>) -> Option<Notice> {
    match deadline {
        Some(deadline) => {
            let rest = deadline.saturating_duration_since(Instant::now());
            notices.recv_timeout(rest).ok()
        }
        // The thread that watches the exit tells of it before it goes.
        None => Some(notices.recv().unwrap_or(Notice::Exited)),
    }
}

fn result(
    status: ExitStatus,
    end: End,
    options: &CommandOptions,
    duration: Duration,
    tail: &Tail,
) -> JobResult {
    let seconds = options.timeout.unwrap_or_default().as_secs_f64();
    let what = match end {
        End::Itself if status.success() => {
            let duration = (duration.as_secs_f64() * 1e3).round() / 1e3;
            return Ok(json!({"status": 0, "duration": duration}));
        }
        End::Itself => ended(status),
        End::Terminated => format!("took longer than {seconds} s and was ended by TERM"),
        End::Killed => format!("took longer than {seconds} s and was ended by KILL"),
    };
    let stderr = tail.text();
    let last = stderr.lines().next_back().map(|line| format!(": {line}"));
    let message = format!("{} {what}{}", options.program, last.unwrap_or_default());
    let error = JobError::new(message);
    Err(if stderr.lines().count() < 2 {
        error
    } else {
        error.with_trace(format!("the end of its standard error:\n{stderr}"))
    })
}

fn ended(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("was ended by the signal {signal}");
    }
    match status.code() {
        Some(code) => format!("exited with status {code}"),
        None => format!("ended: {status}"),
    }
}

#[cfg(test)]
#[cfg(unix)]
#[path = "run_tests.rs"]
mod tests;
