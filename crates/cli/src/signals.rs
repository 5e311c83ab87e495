//! Signal handling.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::Sender;

use anyhow::{Context as _, Result};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

/// Signals whose default action ends a worker process, and that have no meaning there.
const IGNORED: [i32; 3] = [SIGHUP, SIGUSR1, SIGUSR2];

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// SIGINT or SIGTERM: drain; if repeated, stop at once.
    End(i32),
    /// SIGQUIT: stop at once.
    Stop(i32),
    /// SIGHUP: read the configuration again.
    Reload,
    /// SIGCHLD: a child has exited.
    Reap,
}

/// Sends `notice(request)` for every signal that asks for something. Ignores other signals that would end the program and
/// leave running commands behind, and logs a warning.
///
/// SIGHUP does not drain: `systemctl reload` and log rotation send it to programs that should continue.
pub(crate) fn forward<T: Send + 'static>(
    sender: Sender<T>,
    mut notice: impl FnMut(Request) -> T + Send + 'static,
) -> Result<()> {
    let mut signals = Signals::new([SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2])
        .context("can't install signal handlers")?;
    std::thread::Builder::new()
        .name("apscheduler-signals".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                let request = match signal {
                    SIGINT | SIGTERM => Request::End(signal),
                    SIGQUIT => Request::Stop(signal),
                    SIGCHLD => Request::Reap,
                    SIGHUP => Request::Reload,
                    other => {
                        tracing::warn!(
                            "{} is ignored: it has no meaning for this program",
                            name(other)
                        );
                        continue;
                    }
                };
                if sender.send(notice(request)).is_err() {
                    return;
                }
            }
        })
        .context("can't start the signal thread")?;
    Ok(())
}

/// Makes a worker process ignore the same signals as the program, since `pkill -HUP apscheduler` reaches both. Only the
/// program logs them.
pub(crate) fn ignore_in_worker() -> io::Result<()> {
    for signal in IGNORED {
        // With a handler: an ignored signal would stay ignored in child processes.
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
    }
    Ok(())
}

/// The name of a signal, for messages.
pub(crate) fn name(signal: i32) -> &'static str {
    match signal {
        SIGINT => "SIGINT",
        SIGQUIT => "SIGQUIT",
        SIGTERM => "SIGTERM",
        SIGUSR1 => "SIGUSR1",
        SIGUSR2 => "SIGUSR2",
        _ => "a signal",
    }
}
