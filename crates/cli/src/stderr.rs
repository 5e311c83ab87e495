//! Standard error: the log, errors and warnings, in one order.

use std::io::{self, Write};
use std::sync::OnceLock;

use apscheduler::printable;
use apscheduler::time::{Clock as _, SystemClock, Zone};

use serde_json::{Map, Value};
use tracing::Level;

use crate::log_format::{LogFormat, TARGET, json_line};
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
    let lines = if count == 1 { "line was" } else { "lines were" };
    let text = format!("{count} {lines} dropped here: standard error was not read");
    let line = match LogFormat::current() {
        LogFormat::Json => json_line(Level::WARN, TARGET, &text, Map::new()),
        LogFormat::Text => {
            format!("{}  WARN {TARGET}: {text}\n", Zone::UTC.iso(SystemClock.now()))
        }
    };
    line.into_bytes()
}

/// The line about a panic.
pub(crate) fn panic_line(text: String) -> String {
    match LogFormat::current() {
        LogFormat::Json => json_line(Level::ERROR, TARGET, &text, Map::new()),
        LogFormat::Text => text + "\n",
    }
}

/// Prints an error. Write errors are ignored, as in the following functions.
pub(crate) fn error(text: &str) {
    line(Level::ERROR, "error: ", text, Map::new());
}

/// Prints a warning.
pub(crate) fn warning(text: &str) {
    line(Level::WARN, "warning: ", text, Map::new());
}

/// Prints something that is good to know.
pub(crate) fn note(text: &str) {
    line(Level::INFO, "note: ", text, Map::new());
}

/// Prints an error and its causes.
pub(crate) fn report(error: &anyhow::Error) {
    let causes: Vec<String> = error.chain().skip(1).map(ToString::to_string).collect();
    if LogFormat::current() == LogFormat::Json {
        let fields = [("causes".to_owned(), Value::from(causes))];
        return line(Level::ERROR, "", &error.to_string(), Map::from_iter(fields));
    }
    line(Level::ERROR, "error: ", &error.to_string(), Map::new());
    for cause in causes {
        line(Level::ERROR, "  caused by: ", &cause, Map::new());
    }
}

fn line(level: Level, label: &str, text: &str, fields: Map<String, Value>) {
    let line = match LogFormat::current() {
        LogFormat::Json => json_line(level, TARGET, text, fields),
        LogFormat::Text => format!("{label}{}\n", printable::lines(text)),
    };
    match OUTLET.get() {
        Some(outlet) => outlet.write(line.into_bytes()),
        None => drop(io::stderr().write_all(line.as_bytes())),
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
