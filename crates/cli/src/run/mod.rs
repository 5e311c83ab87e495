//! `apscheduler run`.

mod applying;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use anyhow::Result;
use apscheduler::file::JobsFile;
use apscheduler::{BackgroundScheduler, Scheduler, Shutdown, function_command};

use self::applying::Wish;
use self::watch::Watch;
use crate::signals::{self, Request};
use crate::{events, log, nonblocking, reaping, service, stderr};

/// Run the jobs of a file in the foreground.
///
/// Jobs are kept in the job stores that the file configures, or in memory if there is none. A job that has not changed
/// since the last run keeps its next run time. Jobs that are no longer in the file are removed. The stores identify the
/// file by its key `name`, or else by its path and the host; `validate --against-store` shows what `run` would change.
///
/// On SIGINT or SIGTERM, no more jobs start, running jobs finish, and the program exits with status 0. A second signal, or
/// SIGQUIT, stops at once: running commands get TERM, and KILL after one second; the exit status is 128 plus the signal
/// number. SIGUSR1 and SIGUSR2 are ignored with a warning in the log.
///
/// SIGHUP reads the file again: jobs that were added, changed or removed in it are added, changed or removed, by the rules of
/// a start. A file with an error changes nothing, and the log says what is wrong. Changes of job stores, executors, the time
/// zone and other settings take effect at the next start. With --watch, that happens whenever the file was edited.
///
/// Under systemd (`Type=notify`), `run` says when it has started, reloads and stops, and gives signs of life to the watchdog as
/// long as its event loop works.
///
/// The log goes to standard error. `RUST_LOG` sets its level: error, warn, info (the default), debug, or a list such as
/// `info,apscheduler::command=off`. A stalled reader of the log or the events does not delay jobs: lines are dropped, and
/// replaced by a line with their number.
///
/// As the first process of a container, `run` reaps orphaned processes, so no other init process is needed.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RunArgs {
    /// The jobs file: TOML, YAML or JSON
    file: PathBuf,
    /// Append every event to this file as a line of JSON; `-` is standard output
    #[arg(long, value_name = "FILE|-")]
    events: Option<PathBuf>,
    /// Take over jobs that belong to another jobs file, for example after a rename; preview it with `validate
    /// --against-store --take-over`
    #[arg(long)]
    take_over: bool,
    /// Apply the file again whenever it was edited
    #[arg(long)]
    watch: bool,
}

const EXAMPLES: &str = "\
Examples:
  apscheduler run examples/jobs.toml
  apscheduler run jobs.toml --watch
  apscheduler run jobs.toml --events events.jsonl
  apscheduler run jobs.toml --events - | jq -r 'select(.event == \"JOB_ERROR\").job_id'";

/// The time from TERM to KILL for running commands after a second signal.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// A repeated signal within this time counts as the first one: `timeout` of coreutils signals both the process and its
/// group.
const DUPLICATE_SIGNAL: Duration = Duration::from_millis(50);

/// What the main thread waits for.
enum Notice {
    Signal(Request),
    Stopped,
}

pub(crate) fn run(args: &RunArgs) -> Result<ExitCode> {
    log::start_nonblocking("info");
    let (sender, notices) = mpsc::channel();
    let starting = Arc::new(AtomicBool::new(true));
    // Before anything else: the default action of these signals ends the program.
    signals::forward(sender.clone(), {
        let (starting, mut count) = (Arc::clone(&starting), 0);
        move |request| {
            count += u32::from(matches!(request, Request::End(_)));
            // Connecting to a store may block for long. No job is running yet, so it is safe to exit.
            if starting.load(Ordering::SeqCst) {
                match request {
                    Request::Stop(signal) => exit_at_once(signal),
                    Request::End(signal) if count > 1 => exit_at_once(signal),
                    Request::End(_) | Request::Reload | Request::Reap => {}
                }
            }
            Notice::Signal(request)
        }
    })?;
    let watch = args.watch.then(|| Watch::new(args.file.clone()));
    let file = JobsFile::load(&args.file)?.take_over(args.take_over);
    let scheduler = BackgroundScheduler::new();
    // Before anything emits events.
    if let Some(target) = &args.events {
        events::stream(&scheduler, target)?;
    }
    file.configure(&scheduler)?;
    let errors = file.check(&scheduler);
    if !errors.is_empty() {
        for error in &errors {
            stderr::error(&error.chain());
        }
        return Ok(ExitCode::FAILURE);
    }
    // Before the jobs start: another program may have the address.
    let bound = file.bind_http()?;
    let wishes = applying::start(file.clone().take_over(false), &scheduler)?;
    let applied = file.start(&scheduler)?;
    starting.store(false, Ordering::SeqCst);
    let server = bound.map(|bound| bound.serve(&scheduler)).transpose()?;
    if let Some(server) = &server {
        tracing::info!("the HTTP API is at http://{}/api/v1", server.address());
    }
    tracing::info!("{}: {applied}", args.file.display());
    if let Some(watch) = watch {
        watch.start(wishes.clone())?;
    }
    service::status(&applied.to_string());
    service::ready();
    service::keep_watchdog_quiet(&scheduler)?;

    // Orphans may have been inherited before the signal handler was installed.
    reaping::reap_inherited();
    let first = loop {
        match notices.recv()? {
            Notice::Signal(Request::Reap) => reaping::reap_inherited(),
            Notice::Signal(Request::Reload) => {
                tracing::info!("SIGHUP: reading the jobs file again");
                // The thread ends with the scheduler.
                let _ = wishes.send(Wish::Reload);
            }
            Notice::Signal(request) => break Some(request),
            Notice::Stopped => break None,
        }
    };
    let signalled = Instant::now();
    service::status("waiting for running jobs to finish");
    service::stopping();
    if let Some(Request::End(signal)) = first {
        let name = signals::name(signal);
        tracing::info!("{name}: waiting for running jobs to finish; a second signal stops at once");
    }
    let draining = Scheduler::clone(&scheduler);
    std::thread::spawn(move || {
        if let Err(error) = draining.shutdown(Shutdown::Wait) {
            tracing::error!("shutdown failed: {}", error.chain());
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
            Notice::Signal(Request::Reload) => {
                tracing::warn!("SIGHUP is ignored: the program is about to end");
            }
            Notice::Signal(Request::End(_)) if signalled.elapsed() < DUPLICATE_SIGNAL => {}
            Notice::Signal(Request::End(signal) | Request::Stop(signal)) => {
                return Ok(stop(&scheduler, &notices, signal));
            }
        }
    }
}

/// Ends the program while it starts.
fn exit_at_once(signal: i32) -> ! {
    function_command::stop_all(STOP_GRACE);
    nonblocking::flush_all(DUPLICATE_SIGNAL);
    std::process::exit(128 + signal)
}

/// Drops queued runs and ends running commands. Returns the exit status.
fn stop(scheduler: &Scheduler, notices: &Receiver<Notice>, signal: i32) -> ExitCode {
    tracing::warn!("{}: stopping at once", signals::name(signal));
    for alias in scheduler.executor_aliases() {
        if let Some(executor) = scheduler.executor(&alias) {
            executor.shutdown(Shutdown::Now);
        }
    }
    function_command::stop_all(STOP_GRACE);
    // All commands have ended, so the shutdown in the other thread ends too, after the last events.
    let deadline = Instant::now() + STOP_GRACE;
    while let Ok(Notice::Signal(request)) =
        notices.recv_timeout(deadline.saturating_duration_since(Instant::now()))
    {
        if request == Request::Reap {
            reaping::reap_inherited();
        }
    }
    ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX))
}
