//! Signals that the program takes.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::Sender;

use anyhow::{Context as _, Result};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

/// Signals that would end the program, and have no meaning for it.
const IGNORED: [i32; 3] = [SIGHUP, SIGUSR1, SIGUSR2];

/// What is to be done about a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// SIGINT or SIGTERM: drain, or stop at once if it is not the first.
    End(i32),
    /// SIGQUIT: stop at once.
    Stop(i32),
    /// SIGCHLD: a child has exited.
    Reap,
}

/// Sends `notice(request)` for every signal from now on that asks for something. Others that would end the program, and leave
/// running commands behind, are ignored, with a line in the log.
///
/// SIGHUP is ignored although it would be a way to drain: it means "read your configuration again" to those who send it
/// by hand or from `systemctl reload` and log rotation, and a scheduler that ends then would be missed late.
pub(crate) fn forward<T: Send + 'static>(
    sender: Sender<T>,
    mut notice: impl FnMut(Request) -> T + Send + 'static,
) -> Result<()> {
    let mut signals = Signals::new([SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2])
        .context("can't catch signals")?;
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                let request = match signal {
                    SIGINT | SIGTERM => Request::End(signal),
                    SIGQUIT => Request::Stop(signal),
                    SIGCHLD => Request::Reap,
                    SIGHUP => {
                        tracing::warn!(
                            "SIGHUP is ignored: a jobs file can't be read again while the program runs; restart it to apply a \
                             change"
                        );
                        continue;
                    }
                    other => {
                        tracing::warn!("{} is ignored: it has no meaning here", name(other));
                        continue;
                    }
                };
                if sender.send(notice(request)).is_err() {
                    return;
                }
            }
        })
        .context("can't start a thread")?;
    Ok(())
}

/// Keeps a worker process alive through the signals that the program ignores: `pkill -HUP apscheduler` meets both. The program
/// tells of them.
pub(crate) fn ignore_in_worker() -> io::Result<()> {
    for signal in IGNORED {
        // A handler, since what a process ignores its children ignore too.
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
    }
    Ok(())
}

/// What people call a signal.
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
