//! SIGINT and SIGTERM.

use std::sync::mpsc::Sender;

use anyhow::{Context as _, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Sends `notice(signal)` for every SIGINT and SIGTERM from now on.
pub(crate) fn forward<T: Send + 'static>(
    sender: Sender<T>,
    mut notice: impl FnMut(i32) -> T + Send + 'static,
) -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("can't catch signals")?;
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                if sender.send(notice(signal)).is_err() {
                    return;
                }
            }
        })
        .context("can't start a thread")?;
    Ok(())
}

/// What people call a signal.
pub(crate) fn name(signal: i32) -> &'static str {
    if signal == SIGINT { "SIGINT" } else { "SIGTERM" }
}
