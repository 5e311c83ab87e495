//! Starts worker processes.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;
use std::time::{Duration, Instant};

use apscheduler_plugin_kit::process_tree::ProcessTree;
use tracing::level_filters::LevelFilter;

use crate::argument::ARGUMENT;
use crate::hurry::Patience;
use crate::leader::Leader;
use crate::message::{FromWorker, PROTOCOL, RELEASE};
use crate::process::{Lost, WorkerProcess};
use crate::stop::Stop;
use crate::variables::variables;

/// How long a worker may take to be ready: its set-up may have to reach a database.
const READY_WITHIN: Duration = Duration::from_secs(60);

impl WorkerProcess {
    /// Starts a worker, and returns when it is ready.
    ///
    /// # Errors
    /// The message, and whether trying again may help.
    pub(crate) fn start(stop: &Stop) -> Result<Self, (String, bool)> {
        let mut worker = Self::spawn()
            .map_err(|error| (format!("a worker process can't be started: {error}"), false))?;
        let deadline = Instant::now() + READY_WITHIN;
        let message = match worker.receive(stop, None, Some(deadline), Patience::None) {
            Ok(FromWorker::Ready { protocol, release, logs })
                if protocol == PROTOCOL && release == RELEASE =>
            {
                if !logs {
                    warn_of_missing_log();
                }
                return Ok(worker);
            }
            Ok(FromWorker::Ready { release, .. }) => format!(
                "the program was replaced while it ran: this process has {RELEASE} of the process pool, its worker {release}"
            ),
            Ok(FromWorker::NotReady { reason }) => {
                format!("a worker process can't be set up: {reason}")
            }
            Ok(other) => format!("a worker process sent an unexpected first message: {other:?}"),
            Err(Lost::TimedOut) => format!(
                "a worker process was not ready within {} s; is the worker hook the first line of `main`?",
                READY_WITHIN.as_secs()
            ),
            Err(Lost::Stopped | Lost::Cancelled) => "the executor is being shut down".to_owned(),
            Err(Lost::Broken(reason)) => reason,
            Err(Lost::Died | Lost::NotBegun) => {
                let (status, killed) = worker.reap_dead();
                let advice =
                    if killed { "" } else { "; is the worker hook the first line of `main`?" };
                return Err((
                    format!("a worker process ended before it was ready: {status}{advice}"),
                    killed,
                ));
            }
        };
        Err((message, false))
    }

    fn spawn() -> io::Result<Self> {
        let (socket, theirs) = UnixStream::pair()?;
        // Every wait has a deadline or can be woken.
        socket.set_nonblocking(true)?;
        let mut command = Command::new(program()?);
        command.arg(ARGUMENT).envs(variables()).stdin(OwnedFd::from(theirs));
        if let Some(name) = std::env::args_os().next() {
            command.arg0(name);
        }
        // In a process group of its own: Ctrl-C at the terminal reaches only the scheduler, which may let its jobs end.
        let tree = ProcessTree::of_worker();
        let leader = Leader::of(tree.spawn(&mut command)?);
        // This closes the worker's end of the socket in this process; otherwise its end would never be noticed.
        drop(command);
        Ok(Self::new(leader, tree, socket))
    }
}

/// Warns once that workers have no log although their program has one.
fn warn_of_missing_log() {
    static ONCE: Once = Once::new();
    if LevelFilter::current() != LevelFilter::OFF {
        ONCE.call_once(|| {
            tracing::warn!(
                "what jobs log in worker processes is lost: a worker never gets past the worker hook, so it has no log that \
                 `main` sets up after the hook; set it up in `apscheduler::init_worker_with(...)` too"
            );
        });
    }
}

/// Returns the program of a worker: this program.
///
/// On Linux by a link to the running program instead of its path, so that a worker is of the same build as the scheduler
/// after the file was replaced or deleted.
fn program() -> io::Result<PathBuf> {
    let link = Path::new("/proc/self/exe");
    if cfg!(target_os = "linux") && link.exists() {
        return Ok(link.to_owned());
    }
    std::env::current_exe()
}
