//! Options of plugins: from a JSON object to a typed struct, with errors that help.
//!
//! Config files and flat dicts carry text where a field is a number or a boolean (`"20"`, `"false"`); such text is
//! read as what the field is. A key that the struct does not have is an error that names the ones it has.

mod deserializer;
mod error;
mod seconds;

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

pub use seconds::Seconds;

use crate::{Error, ErrorKind, Result};

/// The options of one plugin, as they stand in a config: names and JSON values.
pub type Options = Map<String, Value>;

/// The options of a plugin that has none.
#[derive(Clone, Copy, Debug, Default, serde::Deserialize)]
pub struct NoOptions {}

/// Reads options into a struct that derives `Deserialize` (with `#[serde(default)]` where options may be left out).
///
/// `what` is named in errors, as ``executor `threadpool` ``.
///
/// # Errors
/// [`ErrorKind::Config`] that says which key is wrong, and what would be right.
///
/// # Examples
/// ```
/// use apscheduler_core::options;
/// use serde::Deserialize;
/// use serde_json::json;
///
/// #[derive(Deserialize)]
/// #[serde(default)]
/// struct PoolOptions { max_workers: usize }
/// impl Default for PoolOptions { fn default() -> Self { Self { max_workers: 10 } } }
///
/// let given = json!({"max_workers": "20"});
/// let pool: PoolOptions = options::parse("executor `threadpool`", given.as_object().unwrap())?;
/// assert_eq!(pool.max_workers, 20);
///
/// let given = json!({"max_worker": 20});
/// let error = options::parse::<PoolOptions>("executor `threadpool`", given.as_object().unwrap()).err().unwrap();
/// assert_eq!(
///     error.to_string(),
///     "executor `threadpool`: unknown option `max_worker`; did you mean `max_workers`? known options: max_workers"
/// );
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
pub fn parse<T: DeserializeOwned>(what: &str, options: &Options) -> Result<T> {
    T::deserialize(deserializer::Lenient::object(options))
        .map_err(|error| Error::new(ErrorKind::Config, format!("{what}: {error}")))
}

/// Reads one value, with the same leniency; `what` is named in errors.
///
/// # Errors
/// [`ErrorKind::Config`] that says what was expected.
pub fn parse_value<T: DeserializeOwned>(what: &str, value: &Value) -> Result<T> {
    T::deserialize(deserializer::Lenient::value(value))
        .map_err(|error| Error::new(ErrorKind::Config, format!("{what}: {error}")))
}

/// What sort of value it is, for errors that do not show it because there may be a password in it.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

/// Reads a boolean as APScheduler does: `true yes on y t 1` and `false no off n f 0`, in any case.
///
/// # Examples
/// ```
/// use apscheduler_core::options::parse_bool;
/// assert_eq!(parse_bool(" Yes "), Some(true));
/// assert_eq!(parse_bool("off"), Some(false));
/// assert_eq!(parse_bool("maybe"), None);
/// ```
pub fn parse_bool(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" | "t" | "1" => Some(true),
        "false" | "no" | "off" | "n" | "f" | "0" => Some(false),
        _ => None,
    }
}

/// Reads a number of seconds that is at least `least` and at most 2147483 (24 days). `what` is named in errors.
///
/// # Errors
/// [`ErrorKind::Config`] that says what was expected.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use apscheduler_core::options::seconds;
///
/// assert_eq!(seconds("poll_interval", 2.5, 0.001)?, Duration::from_millis(2500));
/// let error = seconds("poll_interval", 0.0, 0.001).unwrap_err();
/// assert_eq!(error.to_string(), "poll_interval: expected 0.001 to 2147483 seconds, found 0");
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
pub fn seconds(what: &str, value: f64, least: f64) -> Result<Duration> {
    // Milliseconds that a signed number of 32 bits holds, as many a backend has them.
    const MOST: f64 = 2_147_483.0;
    if (least..=MOST).contains(&value) {
        return Ok(Duration::from_secs_f64(value));
    }
    let found = number_text(value);
    let message = format!("{what}: expected {least} to {MOST} seconds, found {found}");
    Err(Error::new(ErrorKind::Config, message))
}

/// A number for messages: with an exponent where it would have many digits.
///
/// # Examples
/// ```
/// use apscheduler_core::options::number_text;
///
/// assert_eq!(number_text(-2.5), "-2.5");
/// assert_eq!(number_text(30.0), "30");
/// assert_eq!(number_text(1e308), "1e308");
/// ```
pub fn number_text(number: f64) -> String {
    let size = number.abs();
    if size == 0.0 || (1e-5..1e16).contains(&size) {
        number.to_string()
    } else {
        format!("{number:e}")
    }
}

/// The first whole number in a JSON text that does not fit into 64 bits. JSON readers turn such numbers into floats, in
/// silence, so that an error would show another number than the one that was given.
///
/// # Examples
/// ```
/// use apscheduler_core::options::oversized_integer;
///
/// let text = r#"{"a": "99999999999999999999", "b": [1e30, -99999999999999999999]}"#;
/// assert_eq!(oversized_integer(text), Some("-99999999999999999999"));
/// assert_eq!(oversized_integer("[18446744073709551615, 1.5, true]"), None);
/// ```
pub fn oversized_integer(json: &str) -> Option<&str> {
    let mut rest = json;
    while let Some(start) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        rest = &rest[start..];
        if let Some(text) = rest.strip_prefix('"') {
            rest = behind_text(text)?;
            continue;
        }
        let is_number = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        let (number, behind) = rest.split_at(rest.find(|c| !is_number(c)).unwrap_or(rest.len()));
        let digits = number.strip_prefix('-').unwrap_or(number);
        let is_whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_whole && number.parse::<i64>().is_err() && number.parse::<u64>().is_err() {
            return Some(number);
        }
        rest = behind;
    }
    None
}

/// What stands after a JSON text whose opening quote was read.
fn behind_text(text: &str) -> Option<&str> {
    let mut escaped = false;
    let end = text.find(|c: char| {
        let is_end = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        is_end
    })?;
    Some(&text[end + 1..])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(default)]
    struct Sample {
        count: u32,
        ratio: f64,
        flag: bool,
        name: String,
        maybe: Option<i64>,
        list: Vec<u8>,
        inner: Inner,
        map: BTreeMap<String, i32>,
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Inner {
        depth: u8,
    }

    impl Default for Sample {
        fn default() -> Self {
            Self {
                count: 1,
                ratio: 1.0,
                flag: true,
                name: "x".into(),
                maybe: None,
                list: vec![],
                inner: Inner::default(),
                map: BTreeMap::new(),
            }
        }
    }

    fn sample(value: &Value) -> Result<Sample> {
        parse("sample", value.as_object().unwrap())
    }

    #[test]
    fn text_is_read_as_what_the_field_is() {
        let given = json!({"count": "7", "ratio": "2.5", "flag": "No", "name": "n", "maybe": "-3",
            "list": ["1", 2], "inner": {"depth": "4"}, "map": {"a": "5"}});
        let read = sample(&given).unwrap();
        assert_eq!((read.count, read.ratio, read.flag, read.maybe), (7, 2.5, false, Some(-3)));
        assert_eq!((read.list, read.inner.depth, read.map["a"]), (vec![1, 2], 4, 5));
    }

    #[test]
    fn errors_name_the_key() {
        let cases = [
            (
                json!({"count": "many"}),
                "sample: count: expected a whole number, found text \"many\"",
            ),
            (json!({"count": -1}), "sample: count: -1 is out of range; expected 0 to 4294967295"),
            (json!({"count": 1.5}), "sample: count: expected a whole number, found 1.5"),
            (
                json!({"count": "99999999999999999999"}),
                "sample: count: 99999999999999999999 is out of range; expected 0 to 4294967295",
            ),
            (
                json!({"count": 1e300}),
                "sample: count: 1e+300 is out of range; expected 0 to 4294967295",
            ),
            (
                json!({"flag": "maybe"}),
                "sample: flag: expected true or false, found text \"maybe\"",
            ),
            (
                json!({"inner": {"deep": 1}}),
                "sample: inner: unknown option `deep`; did you mean `depth`? known options: depth",
            ),
            (json!({"inner": 3}), "sample: inner: expected a table of options, found 3"),
            (
                json!({"list": [1, "x"]}),
                "sample: list[1]: expected a whole number, found text \"x\"",
            ),
            (json!({"name": 3}), "sample: name: expected text, found 3"),
            (
                json!({"count": "redis://:S3cr3t@h"}),
                "sample: count: expected a whole number, found text",
            ),
        ];
        for (given, expected) in cases {
            assert_eq!(sample(&given).unwrap_err().to_string(), expected);
        }
    }
}
