//! The format of the lines on standard error: text, or one JSON object for each line.

use std::env;
use std::fmt;
use std::sync::OnceLock;

use apscheduler::executor_processpool::worker;
use apscheduler::time::{Clock as _, SystemClock, Zone};
use clap::ValueEnum as _;
use serde::Serialize;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// The environment variable with the format, also of worker processes.
pub(crate) const VARIABLE: &str = "APSCHEDULER_LOG_FORMAT";

/// The target of lines that do not come through `tracing`: errors and warnings of commands.
pub(crate) const TARGET: &str = "apscheduler";

static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// The format of the lines on standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people
    #[default]
    Text,
    /// A JSON object on each line, with `time`, `level`, `target`, `message` and `fields`
    Json,
}

impl LogFormat {
    /// Sets the format of this process and of its workers.
    pub(crate) fn set(self) {
        if self == Self::Json {
            worker::set_variable(VARIABLE, "json");
        }
        FORMAT.get_or_init(|| self);
    }

    /// The format that was set, or that of the environment.
    pub(crate) fn current() -> Self {
        let given = || Self::from_str(&env::var(VARIABLE).ok()?, true).ok();
        *FORMAT.get_or_init(|| given().unwrap_or_default())
    }
}

/// One line, with its line break.
pub(crate) fn json_line(
    level: Level,
    target: &str,
    message: &str,
    fields: Map<String, Value>,
) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        time: String,
        level: &'a str,
        target: &'a str,
        message: &'a str,
        fields: Map<String, Value>,
    }

    let time = Zone::UTC.iso(SystemClock.now());
    let line = Line { time, level: level.as_str(), target, message, fields };
    // Tables with text keys can always be written to memory.
    serde_json::to_string(&line).unwrap_or_default() + "\n"
}

/// Formats events of `tracing` as JSON lines.
pub(crate) struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let Fields { message, values, target } = fields;
        let target = target.as_deref().unwrap_or(event.metadata().target());
        writer.write_str(&json_line(*event.metadata().level(), target, &message, values))
    }
}

/// The fields of an event.
#[derive(Default)]
struct Fields {
    message: String,
    values: Map<String, Value>,
    /// The target of an event that came through the crate `log`.
    target: Option<String>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = text,
            ("log.target", Value::String(text)) => self.target = Some(text),
            (name, _) if name.starts_with("log.") => {}
            (name, value) => drop(self.values.insert(name.to_owned(), value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use serde_json::json;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_event_is_one_line_with_its_fields() {
        let written = Written::default();
        let subscriber = tracing_subscriber::fmt().event_format(JsonLines).with_writer({
            let written = written.clone();
            move || written.clone()
        });
        tracing::subscriber::with_default(subscriber.finish(), || {
            tracing::warn!(target: "shop", job_id = "a\nb", tries = 3, "it \"failed\"\n{}", "again");
            tracing::info!("nothing else");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!(lines[0]["message"], "it \"failed\"\nagain");
        assert_eq!(lines[0]["fields"], json!({"job_id": "a\nb", "tries": 3}));
        assert_eq!((&lines[0]["level"], &lines[0]["target"]), (&json!("WARN"), &json!("shop")));
        assert!(lines[0]["time"].as_str().unwrap().ends_with("+00:00"), "{text}");
        assert_eq!(lines[1]["fields"], json!({}));
    }
}
