//! The event stream: every event of a scheduler as one JSON line.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use anyhow::{Context as _, Result};
use apscheduler::event::EventMask;
use apscheduler::time::Zone;
use apscheduler::{BackgroundScheduler, Scheduler};
use serde_json::{Map, Value, json};

use crate::nonblocking::{self, Outlet};

/// How many bytes of events wait for a reader that stalls.
const LIMIT: usize = 8 << 20;

/// Where events are written to.
struct EventStream {
    name: String,
    out: File,
    /// The last write failed; it was said once.
    failing: bool,
    /// The last write left a part of a line behind.
    torn: bool,
}

/// Writes the events of a scheduler to a file, to the end of what is in it, or to standard output for `-`.
///
/// A reader that stalls holds up no job: events that it leaves no room for are dropped, and an object with the event
/// `EVENTS_DROPPED` and their `count` stands in their place.
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
            tracing::warn!("{count} events are missing in `{name}`: it was not read");
            line(Zone::UTC.iso(clock.now()), json!({"event": "EVENTS_DROPPED", "count": count}))
        }
    };
    let file = out.try_clone().context("--events")?;
    let mut stream = EventStream { name, out, failing: false, torn: false };
    let sink = move |line: &[u8]| {
        let result = stream.write(line);
        stream.tell(result);
    };
    let outlet = Outlet::new(&file, "apscheduler-events", LIMIT, Box::new(sink), Box::new(note))
        .context("--events: can't start a thread")?;
    scheduler.add_listener(EventMask::ALL, move |event| {
        let event = event.to_json();
        outlet.write_with(|| line(Zone::UTC.iso(clock.now()), event));
    });
    Ok(())
}

fn line(time: String, event: Value) -> Vec<u8> {
    let mut object = Map::new();
    object.insert("time".to_owned(), Value::String(time));
    if let Value::Object(event) = event {
        object.extend(event);
    }
    let mut line = Value::Object(object).to_string().into_bytes();
    line.push(b'\n');
    line
}

impl EventStream {
    /// Writes a line whole and at once: a reader may wait for it.
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

    /// Says once that events can't be written, and that they can again. Jobs go on either way.
    fn tell(&mut self, result: io::Result<()>) {
        let name = &self.name;
        match result {
            Err(error) if !self.failing => {
                tracing::error!("can't write events to `{name}`: {error}");
            }
            Ok(()) if self.failing => tracing::info!("events are written to `{name}` again"),
            _ => return,
        }
        self.failing = !self.failing;
    }
}
