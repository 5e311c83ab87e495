//! The event stream: every event of a scheduler as one JSON line.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use anyhow::{Context as _, Result};
use apscheduler::event::EventMask;
use apscheduler::time::Zone;
use apscheduler::{BackgroundScheduler, Scheduler};
use serde::Serialize;
use serde_json::json;

use crate::nonblocking::{self, Outlet};

/// How many bytes of events are queued while nobody reads them.
const LIMIT: usize = 8 << 20;

/// The destination of the events.
struct EventStream {
    name: String,
    out: File,
    /// Whether the last write failed. Only the first failure is logged.
    failing: bool,
    /// Whether the last write was incomplete.
    torn: bool,
}

/// Appends the events of a scheduler to a file, or writes them to standard output if `target` is `-`.
///
/// A stalled reader delays no job: events that don't fit into the queue are dropped and replaced by one event
/// `EVENTS_DROPPED` with their `count`.
///
/// # Errors
/// If the target can't be opened.
pub(crate) fn stream(scheduler: &BackgroundScheduler, target: &Path) -> Result<()> {
    let out = if target.as_os_str() == "-" {
        nonblocking::file_of(io::stdout()).context("--events: there is no standard output")?
    } else {
        let file = OpenOptions::new().append(true).create(true).open(target);
        file.with_context(|| format!("--events: can't write to the file `{}`", target.display()))?
    };
    let name = target.display().to_string();
    let clock = Scheduler::clone(scheduler).clock().clone();
    let note = {
        let (name, clock) = (name.clone(), clock.clone());
        move |count: u64| {
            tracing::warn!("dropped {count} events: `{name}` was not read");
            let dropped = json!({"event": "EVENTS_DROPPED", "count": count});
            line(Zone::UTC.iso(clock.now()), &dropped)
        }
    };
    let file = out.try_clone().context("--events")?;
    let mut stream = EventStream { name, out, failing: false, torn: false };
    let sink = move |line: &[u8]| {
        let result = stream.write(line);
        stream.log_outcome(result);
    };
    let outlet = Outlet::new(&file, "apscheduler-events", LIMIT, Box::new(sink), Box::new(note))
        .context("--events: can't start the writer thread")?;
    scheduler.add_listener(EventMask::ALL, move |event| {
        outlet.write_with(|| line(Zone::UTC.iso(clock.now()), event));
    });
    Ok(())
}

fn line(time: String, event: &impl Serialize) -> Vec<u8> {
    #[derive(Serialize)]
    struct Line<'a, T> {
        time: String,
        #[serde(flatten)]
        event: &'a T,
    }

    // Tables with text keys can always be written to memory.
    let mut line = serde_json::to_vec(&Line { time, event }).unwrap_or_default();
    line.push(b'\n');
    line
}

impl EventStream {
    /// Writes a whole line without buffering, since readers may wait for it.
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.torn {
            nonblocking::write_all(&self.out, b"\n").map_err(|(_, error)| error)?;
            self.torn = false;
        }
        nonblocking::write_all(&self.out, line).map_err(|(written, error)| {
            self.torn = written > 0;
            error
        })
    }

    /// Logs the first failure of a series, and the recovery.
    fn log_outcome(&mut self, result: io::Result<()>) {
        let name = &self.name;
        match result {
            Err(error) if !self.failing => {
                tracing::error!("can't write events to `{name}`: {error}");
            }
            Ok(()) if self.failing => tracing::info!("writing events to `{name}` works again"),
            _ => return,
        }
        self.failing = !self.failing;
    }
}
