//! The log on standard error, filtered by `RUST_LOG`.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::log_format::{JsonLines, LogFormat};
use crate::nonblocking::Outlet;
use crate::stderr::{self, LogWriter};

/// Starts the log of a short-lived command. `default` is the filter if `RUST_LOG` is not set.
pub(crate) fn start(default: &str) {
    start_to(default, io::stderr);
}

/// Starts the log of a process that runs jobs: a stalled reader of the log delays no job.
pub(crate) fn start_nonblocking(default: &str) {
    match stderr::open_nonblocking() {
        Ok(outlet) => {
            report_panics_to(outlet);
            start_to(default, || LogWriter);
        }
        Err(error) => {
            start(default);
            tracing::warn!("the log is blocking: a stalled reader of it delays jobs: {error}");
        }
    }
}

/// Sends panic messages through `outlet`: the hook of the standard library may block on standard error.
fn report_panics_to(outlet: Outlet) {
    std::panic::set_hook(Box::new(move |info| {
        let thread = std::thread::current();
        let mut text = format!("thread `{}` {info}", thread.name().unwrap_or("unnamed"));
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            text.push('\n');
            text += &backtrace.to_string();
        }
        outlet.write(stderr::panic_line(text).into_bytes());
    }));
}

fn start_to<W>(default: &str, writer: W)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = match std::env::var("RUST_LOG") {
        Ok(text) if !text.trim().is_empty() => EnvFilter::try_new(&text).unwrap_or_else(|error| {
            stderr::warning(&format!("RUST_LOG: {error}; using `{default}`"));
            EnvFilter::new(default)
        }),
        _ => EnvFilter::new(default),
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(io::stderr().is_terminal())
        // Reporting a closed standard error on standard error would panic.
        .log_internal_errors(false);
    match LogFormat::current() {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.event_format(JsonLines).init(),
    }
}
