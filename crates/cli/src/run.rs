//! `apscheduler run`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use anyhow::Result;
use apscheduler::Shutdown;
use apscheduler::file::JobsFile;
use apscheduler::{BackgroundScheduler, Scheduler, function_command};

use crate::signals::{self, Request};
use crate::{complain, events, log, nonblocking, reaping, reapply};

/// Runs the jobs of a file in the foreground.
///
/// The jobs go into the job stores that the file names: a job that has not changed since the last run keeps its next run
/// time, and jobs that have left the file are removed. Without a store they are kept in memory. The stores know the file by
/// its key `name`, or by its path and the host; `validate --against-store` shows what a start would change.
///
/// SIGINT or SIGTERM drains: nothing new starts, running jobs end, then the program exits with 0. A second signal stops at
/// once: running commands get TERM, after a second KILL, and the exit status is 128 and the number of the signal. SIGQUIT
/// does so as the first signal too. SIGHUP, SIGUSR1 and SIGUSR2 are ignored, with a line in the log.
///
/// The log goes to standard error, as much of it as `RUST_LOG` says: error, warn, info (the default), debug, or a list
/// such as `info,apscheduler::command=off`. A reader of the log or of the events that stalls keeps no job from running:
/// what it leaves no room for is dropped, and a line in its place says how much.
///
/// As the first process of a container, `run` reaps the processes that it inherits, so it needs no other init process.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RunArgs {
    /// The jobs file: TOML, YAML or JSON
    file: PathBuf,
    /// Write every event as one JSON line to the end of this file, or to standard output for `-`
    #[arg(long, value_name = "FILE|-")]
    events: Option<PathBuf>,
    /// Take over jobs that belong to another jobs file, after this one was renamed or took its place; see `validate
    /// --against-store --take-over` for what that would be
    #[arg(long)]
    take_over: bool,
}

const EXAMPLES: &str = "\
Examples:
  apscheduler run examples/jobs.toml
  apscheduler run jobs.toml --events events.jsonl
  apscheduler run jobs.toml --events - | jq -r 'select(.event == \"JOB_ERROR\").job_id'";

/// How long running commands have after a second signal.
const LAST_SECOND: Duration = Duration::from_secs(1);

/// What comes so soon behind the first signal is the same one: `timeout` of coreutils sends it to the process and to its
/// group.
const SAME_SIGNAL: Duration = Duration::from_millis(50);

/// What the main thread waits for.
enum Notice {
    Signal(Request),
    Stopped,
}

pub(crate) fn run(args: &RunArgs) -> Result<ExitCode> {
    log::start_nonblocking("info");
    let (sender, notices) = mpsc::channel();
    let starting = Arc::new(AtomicBool::new(true));
    // Before anything else, so that none of them ends the program by surprise.
    signals::forward(sender.clone(), {
        let (starting, mut count) = (Arc::clone(&starting), 0);
        move |request| {
            count += u32::from(matches!(request, Request::End(_)));
            // A store may keep the start waiting for long, and nothing runs yet that would be left behind.
            if starting.load(Ordering::SeqCst) {
                match request {
                    Request::Stop(signal) => exit_at_once(signal),
                    Request::End(signal) if count > 1 => exit_at_once(signal),
                    Request::End(_) | Request::Reap => {}
                }
            }
            Notice::Signal(request)
        }
    })?;
    let file = JobsFile::load(&args.file)?.take_over(args.take_over);
    let scheduler = BackgroundScheduler::new();
    // First of all, so that no event is left out.
    if let Some(target) = &args.events {
        events::stream(&scheduler, target)?;
    }
    file.configure(&scheduler)?;
    let errors = file.check(&scheduler);
    if !errors.is_empty() {
        for error in &errors {
            complain(&format!("error: {}", error.chain()));
        }
        return Ok(ExitCode::FAILURE);
    }
    reapply::when_replaced(file.clone().take_over(false), &scheduler)?;
    let applied = file.start(&scheduler)?;
    starting.store(false, Ordering::SeqCst);
    tracing::info!("{}: {applied}", args.file.display());

    // Some may have come along with this process, or during the start.
    reaping::reap_inherited();
    let first = loop {
        match notices.recv()? {
            Notice::Signal(Request::Reap) => reaping::reap_inherited(),
            Notice::Signal(request) => break Some(request),
            Notice::Stopped => break None,
        }
    };
    let begun = Instant::now();
    if let Some(Request::End(signal)) = first {
        let name = signals::name(signal);
        tracing::info!("{name}: waiting for running jobs to end; a second signal stops at once");
    }
    let draining = Scheduler::clone(&scheduler);
    std::thread::spawn(move || {
        if let Err(error) = draining.shutdown(Shutdown::Wait) {
            tracing::error!("shutting down failed: {}", error.chain());
        }
        drop(sender.send(Notice::Stopped));
    });
    if let Some(Request::Stop(signal)) = first {
        return Ok(stop(&scheduler, &notices, signal));
    }
    loop {
        match notices.recv()? {
            Notice::Stopped => return Ok(ExitCode::SUCCESS),
            Notice::Signal(Request::Reap) => reaping::reap_inherited(),
            Notice::Signal(Request::End(_)) if begun.elapsed() < SAME_SIGNAL => {}
            Notice::Signal(Request::End(signal) | Request::Stop(signal)) => {
                return Ok(stop(&scheduler, &notices, signal));
            }
        }
    }
}

/// Ends the program during its start. Nothing runs yet, or has only just begun.
fn exit_at_once(signal: i32) -> ! {
    function_command::stop_all(LAST_SECOND);
    nonblocking::flush_all(SAME_SIGNAL);
    std::process::exit(128 + signal)
}

/// Lets go of what waits for a worker, and ends what runs. Returns the exit status.
fn stop(scheduler: &Scheduler, notices: &Receiver<Notice>, signal: i32) -> ExitCode {
    tracing::warn!("{}: stopping at once", signals::name(signal));
    for alias in scheduler.executor_aliases() {
        if let Some(executor) = scheduler.executor(&alias) {
            executor.shutdown(false);
        }
    }
    function_command::stop_all(LAST_SECOND);
    // Every job has been ended, so the drain ends too, and with it the last events are out.
    let deadline = Instant::now() + LAST_SECOND;
    while let Ok(Notice::Signal(request)) =
        notices.recv_timeout(deadline.saturating_duration_since(Instant::now()))
    {
        if request == Request::Reap {
            reaping::reap_inherited();
        }
    }
    ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX))
}
