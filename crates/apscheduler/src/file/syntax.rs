//! Parses TOML, YAML and JSON into JSON values.

use std::fmt;
use std::path::Path;

use apscheduler_core::options::oversized_integer;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use toml::value::{Datetime, Offset};

/// The format of a file, determined by its extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Toml,
    Yaml,
    Json,
}

impl Format {
    /// The format of the file at `path`.
    ///
    /// # Errors
    /// If the extension is unknown, with the known ones.
    pub(super) fn of(path: &Path) -> Result<Self, String> {
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        match extension.as_str() {
            "toml" => Ok(Self::Toml),
            "yaml" | "yml" => Ok(Self::Yaml),
            "json" => Ok(Self::Json),
            "" => Err("the name has no extension; expected `.toml`, `.yaml`, `.yml` or `.json`"
                .to_owned()),
            other => Err(format!(
                "unknown extension `.{other}`; expected `.toml`, `.yaml`, `.yml` or `.json`"
            )),
        }
    }

    /// Parses a table. Errors include the line, if it is known.
    pub(super) fn parse(self, text: &str) -> Result<Map<String, Value>, String> {
        // Some editors write a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let value = match self {
            Self::Toml => toml(text)?,
            Self::Yaml => yaml(text)?,
            Self::Json => json(text)?,
        };
        match value {
            Value::Object(table) => Ok(table),
            // An empty YAML file.
            Value::Null => Ok(Map::new()),
            Value::Array(_) => Err("expected a table with a key `jobs`, found a list".to_owned()),
            other => Err(format!("expected a table with a key `jobs`, found {other}")),
        }
    }
}

fn toml(text: &str) -> Result<Value, String> {
    let table: toml::Table = toml::from_str(text).map_err(|error| {
        let message = error.message();
        match error.span() {
            Some(span) => {
                let before = text.get(..span.start).unwrap_or(text);
                let line = before.matches('\n').count() + 1;
                let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
                format!("line {line}, column {column}: {message}")
            }
            None => message.to_owned(),
        }
    })?;
    from_toml(toml::Value::Table(table))
}

fn from_toml(value: toml::Value) -> Result<Value, String> {
    Ok(match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => Value::from(number),
        toml::Value::Float(number) => Value::Number(
            Number::from_f64(number)
                .ok_or_else(|| format!("expected a finite number, found `{number}`"))?,
        ),
        toml::Value::Boolean(flag) => Value::Bool(flag),
        toml::Value::Datetime(time) => Value::String(date_text(&time)),
        toml::Value::Array(items) => items.into_iter().map(from_toml).collect::<Result<_, _>>()?,
        toml::Value::Table(table) => {
            let entries = table.into_iter().map(|(key, value)| Ok((key, from_toml(value)?)));
            Value::Object(entries.collect::<Result<_, String>>()?)
        }
    })
}

/// Converts a TOML date to the format of triggers.
fn date_text(time: &Datetime) -> String {
    let mut parts = Vec::new();
    if let Some(date) = time.date {
        parts.push(date.to_string());
    }
    if let Some(time) = time.time {
        let text = format!("{:02}:{:02}:{:02}", time.hour, time.minute, time.second.unwrap_or(0));
        // Triggers read a fraction as a number of microseconds, as APScheduler does.
        parts.push(match time.nanosecond.unwrap_or(0) / 1000 {
            0 => text,
            micros => format!("{text}.{micros:06}"),
        });
    }
    let offset = match time.offset {
        None => String::new(),
        Some(Offset::Z) => "Z".to_owned(),
        Some(Offset::Custom { minutes }) => {
            let sign = if minutes < 0 { '-' } else { '+' };
            let minutes = minutes.unsigned_abs();
            format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
        }
    };
    parts.join("T") + &offset
}

fn yaml(text: &str) -> Result<Value, String> {
    let parsed: Result<serde_yaml_ng::Value, _> = serde_yaml_ng::from_str(text);
    let mut value = parsed.map_err(|error| {
        let message = error.to_string();
        // An unquoted `*/5` looks like a reference to an anchor.
        if message.contains("alias") || message.contains("anchor") {
            format!(
                "{message}; in YAML, text that begins with `*` or `&` needs quotes, such as \"*/5\""
            )
        } else {
            message
        }
    })?;
    value.apply_merge().map_err(|error| error.to_string())?;
    serde_json::to_value(value).map_err(|error| error.to_string())
}

fn json(text: &str) -> Result<Value, String> {
    let Unique(value) = serde_json::from_str(text).map_err(|error| {
        let place = format!(" at line {} column {}", error.line(), error.column());
        let message = error.to_string();
        let message = message.strip_suffix(&place).unwrap_or(&message);
        format!("line {}, column {}: {message}", error.line(), error.column())
    })?;
    match oversized_integer(text) {
        Some(number) => Err(too_large(number)),
        None => Ok(value),
    }
}

fn too_large(number: &str) -> String {
    format!("the number {number} is too large: it does not fit into 64 bits")
}

/// A JSON value without duplicate keys. `serde_json` alone would silently keep the last one.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Self)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Unique(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut table = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if table.contains_key(&key) {
                return Err(de::Error::custom(format!("duplicate key `{key}`")));
            }
            let Unique(value) = entries.next_value()?;
            table.insert(key, value);
        }
        Ok(Value::Object(table))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_extension_determines_the_format() {
        assert_eq!(Format::of(Path::new("a/b.TOML")), Ok(Format::Toml));
        assert_eq!(Format::of(Path::new("b.yml")), Ok(Format::Yaml));
        assert!(
            Format::of(Path::new("b.ini"))
                .unwrap_err()
                .starts_with("unknown extension `.ini`; expected `.toml`")
        );
        assert!(Format::of(Path::new("jobs")).unwrap_err().contains("has no extension"));
    }

    #[test]
    fn the_formats_are_equivalent() {
        let expected = json!({"a": {"b": [1, -2, 2.5, true, "x"]}});
        let texts = [
            (Format::Toml, "[a]\nb = [1, -2, 2.5, true, 'x']"),
            (Format::Yaml, "\u{feff}a:\n  b: [1, -2, 2.5, true, x]"),
            (Format::Json, r#"{"a": {"b": [1, -2, 2.5, true, "x"]}}"#),
        ];
        for (format, text) in texts {
            assert_eq!(Value::Object(format.parse(text).unwrap()), expected, "{format:?}");
        }
        assert_eq!(Format::Yaml.parse(""), Ok(Map::new()));
        let merged = Format::Yaml.parse("base: &base {x: 1}\njobs: [{<<: *base, y: 2}]").unwrap();
        assert_eq!(merged["jobs"], json!([{"x": 1, "y": 2}]));
    }

    #[test]
    fn toml_dates_become_text() {
        let text = "list = [2027-03-01, 2027-03-01T10:20:30, 2027-03-01 10:20:30.25Z, 2027-03-01T10:20:30-03:30, 07:30:00]";
        assert_eq!(
            Format::Toml.parse(text).unwrap()["list"],
            json!([
                "2027-03-01",
                "2027-03-01T10:20:30",
                "2027-03-01T10:20:30.250000Z",
                "2027-03-01T10:20:30-03:30",
                "07:30:00"
            ])
        );
    }

    #[test]
    fn errors_have_a_line() {
        let cases = [
            (Format::Toml, "a = 1\nb = = 2", "line 2, column 5: "),
            (Format::Toml, "a = 1\na = 2", "line 2, column 1: duplicate key"),
            (Format::Toml, "a = nan", "expected a finite number, found `NaN`"),
            (Format::Yaml, "a: 1\nb: [1, 2\nc: 3", "line 3"),
            (Format::Yaml, "a: 1\na: 2", "duplicate entry with key \"a\""),
            (Format::Yaml, "- 1", "expected a table with a key `jobs`, found a list"),
            (Format::Json, "{\n \"a\": 1,}", "line 2, column 9: "),
            (Format::Json, "{\"a\": 1, \"a\": 2}", "duplicate key `a`"),
            (Format::Json, "", "line 1, column 0: EOF"),
        ];
        for (format, text, expected) in cases {
            let error = format.parse(text).unwrap_err();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }
}
