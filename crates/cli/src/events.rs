//! The event stream: every event of a scheduler as one JSON line.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result};
use apscheduler::event::{Event, EventMask};
use apscheduler::time::Zone;
use apscheduler::{BackgroundScheduler, Scheduler};
use serde_json::{Map, Value};

/// Where events are written to.
struct EventStream {
    name: String,
    state: Mutex<State>,
}

struct State {
    out: Box<dyn Write + Send>,
    /// The last write failed; it was said once.
    failing: bool,
    /// The last write left a part of a line behind.
    torn: bool,
}

/// Writes the events of a scheduler to a file, to the end of what is in it, or to standard output for `-`.
pub(crate) fn stream(scheduler: &BackgroundScheduler, target: &Path) -> Result<()> {
    let out: Box<dyn Write + Send> =
        if target.as_os_str() == "-" {
            Box::new(io::stdout())
        } else {
            let file = OpenOptions::new().append(true).create(true).open(target);
            Box::new(file.with_context(|| {
                format!("--events: can't write to the file `{}`", target.display())
            })?)
        };
    let stream = EventStream {
        name: target.display().to_string(),
        state: Mutex::new(State { out, failing: false, torn: false }),
    };
    let clock = Scheduler::clone(scheduler).clock().clone();
    scheduler.add_listener(EventMask::ALL, move |event| {
        let mut state = stream.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock, so that the times of the lines never go back.
        let time = Zone::UTC.iso(clock.now());
        let result = state.write(&line(time, event));
        state.tell(&stream.name, result);
    });
    Ok(())
}

fn line(time: String, event: &Event) -> Vec<u8> {
    let mut object = Map::new();
    object.insert("time".to_owned(), Value::String(time));
    if let Value::Object(event) = event.to_json() {
        object.extend(event);
    }
    let mut line = Value::Object(object).to_string().into_bytes();
    line.push(b'\n');
    line
}

impl State {
    /// Writes a line whole and at once: a reader may wait for it.
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let mut rest = line;
        if self.torn {
            self.out.write_all(b"\n")?;
            self.torn = false;
        }
        while !rest.is_empty() {
            match self.out.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    rest = &rest[count..];
                    self.torn = !rest.is_empty();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.out.flush()
    }

    /// Says once that events can't be written, and that they can again. Jobs go on either way.
    fn tell(&mut self, name: &str, result: io::Result<()>) {
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
