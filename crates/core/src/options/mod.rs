//! Reads the options of plugins: from a JSON object into a typed struct, with helpful errors.
//!
//! Config files and flat dicts may have text for a number or a boolean (`"20"`, `"false"`); it is read as the type of the
//! field. An unknown key is an error that lists the known ones.

mod count;
mod deserializer;
mod error;
mod seconds;
mod value;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

pub use count::at_least;
pub use seconds::{Seconds, seconds};
pub use value::{kind, number_text, oversized_integer, parse_bool};

use crate::{Error, ErrorKind, Result};

/// The options of one plugin, as in a config: names and JSON values.
pub type Options = Map<String, Value>;

/// The options of a plugin that has none.
#[derive(Clone, Copy, Debug, Default, serde::Deserialize)]
pub struct NoOptions {}

/// Reads options into a struct that derives `Deserialize` (with `#[serde(default)]` where options may be left out).
///
/// `what` is named in errors, as ``executor `threadpool` ``.
///
/// # Errors
/// [`ErrorKind::Config`] that names the key and what is allowed.
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

/// Reads one value with the same conversions as [`parse`]. `what` is named in errors.
///
/// # Errors
/// [`ErrorKind::Config`] that says what was expected.
pub fn parse_value<T: DeserializeOwned>(what: &str, value: &Value) -> Result<T> {
    T::deserialize(deserializer::Lenient::value(value))
        .map_err(|error| Error::new(ErrorKind::Config, format!("{what}: {error}")))
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
    fn text_is_read_as_the_type_of_the_field() {
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
