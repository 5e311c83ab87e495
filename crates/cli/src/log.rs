//! The log: to standard error, as `RUST_LOG` says.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal as _, Write};
use std::sync::OnceLock;

use apscheduler::time::{Clock as _, SystemClock, Zone};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::complain;
use crate::nonblocking::{self, Outlet};

/// How many bytes of the log wait for a reader that stalls.
const LIMIT: usize = 1 << 20;

/// Standard error, where it must not hold anybody up.
static OUTLET: OnceLock<Outlet> = OnceLock::new();

/// Starts the log of a command that ends by itself; `default` is the level where `RUST_LOG` says nothing.
pub(crate) fn start(default: &str) {
    start_to(default, io::stderr);
}

/// Starts the log of a process that runs jobs: a reader of it that stalls holds up none of them.
pub(crate) fn start_nonblocking(default: &str) {
    match stderr() {
        Ok(outlet) => {
            report_panics_to(OUTLET.get_or_init(|| outlet).clone());
            start_to(default, || LogWriter);
        }
        Err(error) => {
            start(default);
            tracing::warn!("a reader of this log that stalls will hold up jobs: {error}");
        }
    }
}

fn stderr() -> io::Result<Outlet> {
    let file = nonblocking::file_of(io::stderr())?;
    let out = file.try_clone()?;
    // Where nobody can be told there is nobody to tell.
    let sink = Box::new(move |line: &[u8]| drop(nonblocking::write_all(&out, line)));
    Outlet::new(&file, "apscheduler-log", LIMIT, sink, Box::new(note))
}

/// Standard error for a line that is no event of the log.
pub(crate) fn outlet() -> Option<&'static Outlet> {
    OUTLET.get()
}

/// The line in place of those that were dropped.
fn note(count: u64) -> Vec<u8> {
    let time = Zone::UTC.iso(SystemClock.now());
    let lines = if count == 1 { "line is" } else { "lines are" };
    format!("{time}  WARN apscheduler: {count} {lines} missing here: standard error was not read\n")
        .into_bytes()
}

/// The hook of the standard library would write to standard error, whatever becomes of the thread.
fn report_panics_to(outlet: Outlet) {
    std::panic::set_hook(Box::new(move |info| {
        let thread = std::thread::current();
        let mut text = format!("thread `{}` {info}\n", thread.name().unwrap_or("unnamed"));
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            text += &backtrace.to_string();
        }
        outlet.write(text.into_bytes());
    }));
}

/// Writes each event of the log, which comes in one piece, as one line.
struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(outlet) = OUTLET.get() {
            outlet.write(bytes.to_vec());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn start_to<W>(default: &str, writer: W)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = match std::env::var("RUST_LOG") {
        Ok(text) if !text.trim().is_empty() => EnvFilter::try_new(&text).unwrap_or_else(|error| {
            complain(&format!("warning: RUST_LOG: {error}; using `{default}`"));
            EnvFilter::new(default)
        }),
        _ => EnvFilter::new(default),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(io::stderr().is_terminal())
        // It would complain about a closed standard error to standard error, and panic.
        .log_internal_errors(false)
        .init();
}
