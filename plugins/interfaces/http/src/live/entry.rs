//! An event in the ring.

use std::sync::{Arc, OnceLock};

use apscheduler_core::event::Event;
use apscheduler_core::function::JobError;
use apscheduler_core::time::{Timestamp, Zone};
use serde_json::{Value, json};

use crate::redaction::Redaction;

/// The most bytes of a return value or an error that are kept, about.
const MOST_BYTES: usize = 4096;

/// An event, with its number and its time.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    pub(crate) time: Timestamp,
    pub(crate) event: Event,
    /// Made by the first reader that wants it, so that the code that emits an event does not wait for that.
    text: OnceLock<Arc<str>>,
}

impl Entry {
    pub(super) fn new(number: u64, time: Timestamp, event: &Event) -> Self {
        Self { number, time, event: small(event), text: OnceLock::new() }
    }

    /// Returns the event as JSON, without secrets.
    pub(crate) fn text(&self, redaction: &Redaction) -> Arc<str> {
        let text = || {
            let mut value = json!(self.event);
            value["time"] = Zone::UTC.iso(self.time).into();
            redaction.record(&mut value);
            value.to_string().into()
        };
        Arc::clone(self.text.get_or_init(text))
    }
}

/// Returns the event without what is too large to be kept.
fn small(event: &Event) -> Event {
    let mut event = event.clone();
    match &mut event {
        Event::JobExecuted { retval, .. } if size(retval, MOST_BYTES) > MOST_BYTES => {
            *retval = Arc::new(Value::from("[too large; the record of the run may have it]"));
        }
        Event::JobError { error, .. } => {
            let length = error.message().len() + error.trace().map_or(0, str::len);
            if length > MOST_BYTES {
                let message = error.message();
                let start: String = message.chars().take(MOST_BYTES / 4).collect();
                *error = Arc::new(JobError::new(start + " [cut]"));
            }
        }
        _ => {}
    }
    event
}

/// Returns about how many bytes a value has; it stops to count above `most`.
fn size(value: &Value, most: usize) -> usize {
    let inner = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => sum(items.iter().map(|item| (0, item)), most),
        Value::Object(table) => sum(table.iter().map(|(key, value)| (key.len(), value)), most),
        _ => 8,
    };
    inner + 2
}

fn sum<'a>(mut items: impl Iterator<Item = (usize, &'a Value)>, most: usize) -> usize {
    let add = |total: usize, (more, value): (usize, &'a Value)| {
        let total = total + more + size(value, most.saturating_sub(total));
        if total > most { Err(total) } else { Ok(total) }
    };
    match items.try_fold(0, add) {
        Ok(total) | Err(total) => total,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_large_values_is_not_counted_to_the_end() {
        assert!(size(&json!({"a": [1, 2, "x"]}), 100) < 50);
        assert!(size(&json!("x".repeat(5000)), 4096) > 4096);
        assert!(size(&json!(vec![json!([1]); 10_000]), 4096) < 5000);
    }
}
