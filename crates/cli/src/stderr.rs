//! Standard error: the log, errors and warnings, in one order.

use std::io::{self, Write};
use std::sync::OnceLock;

use apscheduler::printable;
use apscheduler::time::{Clock as _, SystemClock, Zone};

use crate::nonblocking::{self, Outlet};

/// How many bytes are queued while nobody reads standard error.
const LIMIT: usize = 1 << 20;

/// Set in processes that run jobs, where a stalled reader must not block a writer.
static OUTLET: OnceLock<Outlet> = OnceLock::new();

/// Makes standard error nonblocking from now on: a stalled reader loses lines instead of delaying jobs.
///
/// # Errors
/// If there is no standard error, or its thread can't be started.
pub(crate) fn open_nonblocking() -> io::Result<Outlet> {
    let file = nonblocking::file_of(io::stderr())?;
    let out = file.try_clone()?;
    // A failed write to standard error can't be reported anywhere.
    let sink = Box::new(move |line: &[u8]| drop(nonblocking::write_all(&out, line)));
    let outlet =
        Outlet::new(&file, "apscheduler-log", LIMIT, sink, Box::new(dropped_lines_notice))?;
    Ok(OUTLET.get_or_init(|| outlet).clone())
}

/// The line that replaces dropped ones.
fn dropped_lines_notice(count: u64) -> Vec<u8> {
    let time = Zone::UTC.iso(SystemClock.now());
    let lines = if count == 1 { "line was" } else { "lines were" };
    format!("{time}  WARN apscheduler: {count} {lines} dropped here: standard error was not read\n")
        .into_bytes()
}

/// Prints one line. Write errors are ignored.
pub(crate) fn line(text: &str) {
    let text = printable::lines(text);
    match OUTLET.get() {
        Some(outlet) => outlet.write(format!("{text}\n").into_bytes()),
        None => drop(writeln!(io::stderr(), "{text}")),
    }
}

/// Prints an error and its causes.
pub(crate) fn report(error: &anyhow::Error) {
    line(&format!("error: {error}"));
    for cause in error.chain().skip(1) {
        line(&format!("  caused by: {cause}"));
    }
}

/// Writes each log event, which arrives in one piece, as one line.
pub(crate) struct LogWriter;

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
