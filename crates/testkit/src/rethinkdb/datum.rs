//! Values, and their order.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::failure::{Failure, Kind, Outcome};

/// The fields of an object.
pub(super) type Fields = BTreeMap<String, Datum>;

/// The most elements of an array.
pub(super) const MOST_ELEMENTS: usize = 100_000;

/// The longest primary key, in bytes.
const LONGEST_KEY: usize = 127;

/// A value, which is cheap to clone. Numbers are doubles.
#[derive(Clone, Debug)]
pub(super) enum Datum {
    /// The bound before all values.
    Min,
    Array(Arc<Vec<Datum>>),
    Bool(bool),
    Null,
    Number(f64),
    Object(Arc<Fields>),
    /// An instant, in seconds since 1970.
    Time(f64),
    Text(Arc<str>),
    /// The bound after all values.
    Max,
}

impl Datum {
    /// Reads a plain JSON value.
    pub(super) fn read(value: &Value) -> Outcome<Self> {
        Ok(match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => Self::Number(number.as_f64().unwrap_or(f64::MAX)),
            Value::String(text) => text.as_str().into(),
            Value::Array(items) => {
                Self::array(items.iter().map(Self::read).collect::<Outcome<_>>()?)?
            }
            Value::Object(fields) => {
                let fields =
                    fields.iter().map(|(name, value)| Ok((name.clone(), Self::read(value)?)));
                Self::object(fields.collect::<Outcome<_>>()?)?
            }
        })
    }

    /// Makes an array, unless it is too large.
    pub(super) fn array(items: Vec<Self>) -> Outcome<Self> {
        if items.len() > MOST_ELEMENTS {
            let text = format!(
                "Array over size limit `{MOST_ELEMENTS}`.  To raise the number of allowed elements, modify the \
                 `array_limit` option to `.run` (not available in the Data Explorer), or use an index."
            );
            return Err(Failure::new(Kind::ResourceLimit, text));
        }
        Ok(Self::Array(items.into()))
    }

    /// Makes an object, or what it stands for.
    pub(super) fn object(fields: Fields) -> Outcome<Self> {
        match fields.get("$reql_type$") {
            None => Ok(fields.into()),
            Some(Self::Text(name)) if **name == *"TIME" => match fields.get("epoch_time") {
                Some(Self::Number(time)) => Ok(Self::Time(*time)),
                _ => Err(Failure::logic("Invalid time object constructed (no field `epoch_time`)")),
            },
            Some(other) => Err(Failure::missing(&format!("the pseudotype {}", other.json()))),
        }
    }

    pub(super) fn json(&self) -> Value {
        match self {
            Self::Min | Self::Max | Self::Null => Value::Null,
            Self::Bool(value) => (*value).into(),
            Self::Number(number) => number_json(*number),
            Self::Text(text) => (**text).into(),
            Self::Array(items) => Value::Array(items.iter().map(Self::json).collect()),
            Self::Object(fields) => {
                let fields = fields.iter().map(|(name, value)| (name.clone(), value.json()));
                Value::Object(fields.collect::<Map<_, _>>())
            }
            Self::Time(time) => json!({
                "$reql_type$": "TIME", "epoch_time": number_json(*time), "timezone": "+00:00",
            }),
        }
    }

    /// Returns about how many bytes it takes.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Array(items) => items.iter().map(Self::size).sum(),
            Self::Object(fields) => {
                fields.iter().map(|(name, value)| name.len() + value.size()).sum()
            }
            _ => 10,
        }
    }

    /// Returns the value as it stands in errors.
    pub(super) fn print(&self) -> String {
        serde_json::to_string_pretty(&self.json()).unwrap_or_default()
    }

    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Min => "MINVAL",
            Self::Array(_) => "ARRAY",
            Self::Bool(_) => "BOOL",
            Self::Null => "NULL",
            Self::Number(_) => "NUMBER",
            Self::Object(_) => "OBJECT",
            Self::Time(_) => "PTYPE<TIME>",
            Self::Text(_) => "STRING",
            Self::Max => "MAXVAL",
        }
    }

    /// Whether a condition holds.
    pub(super) fn is_true(&self) -> bool {
        !matches!(self, Self::Null | Self::Bool(false))
    }

    pub(super) fn number(&self) -> Outcome<f64> {
        match self {
            Self::Number(number) => Ok(*number),
            other => Err(Failure::expected("NUMBER", other.type_name())),
        }
    }

    pub(super) fn text(&self) -> Outcome<&str> {
        match self {
            Self::Text(text) => Ok(text),
            other => Err(Failure::expected("STRING", other.type_name())),
        }
    }

    pub(super) fn items(&self) -> Outcome<&[Self]> {
        match self {
            Self::Array(items) => Ok(items),
            other => Err(Failure::expected("ARRAY", other.type_name())),
        }
    }

    pub(super) fn fields(&self) -> Outcome<&Fields> {
        match self {
            Self::Object(fields) => Ok(fields),
            other => Err(Failure::expected("OBJECT", other.type_name())),
        }
    }

    /// Returns a whole number that is no less than 0.
    pub(super) fn count(&self) -> Outcome<usize> {
        let number = self.number()?;
        if number < 0.0 {
            return Err(Failure::logic(format!(
                "LIMIT takes a non-negative argument (got {number})"
            )));
        }
        if number.fract() != 0.0 {
            return Err(Failure::logic(format!("Number not an integer: {number}")));
        }
        if number > f64::from(i32::MAX) {
            return Err(Failure::logic(format!("Integer too large: {number}")));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is small")]
        Ok(number as usize)
    }

    /// Returns an error if this can't be a primary key.
    pub(super) fn check_key(&self) -> Outcome<()> {
        match self {
            Self::Text(text) if text.contains('\0') => {
                Err(Failure::logic("Key cannot contain \\u0000."))
            }
            Self::Text(text) if text.len() > LONGEST_KEY => Err(Failure::logic(format!(
                "Primary key too long (max {LONGEST_KEY} characters): {}",
                self.print()
            ))),
            Self::Text(_) | Self::Number(_) | Self::Bool(_) | Self::Time(_) => Ok(()),
            Self::Array(items) => items.iter().try_for_each(Self::check_key),
            other => Err(Failure::logic(format!(
                "Primary keys must be either a number, string, bool, pseudotype or array (got type {}):\n{}",
                other.type_name(),
                other.print()
            ))),
        }
    }

    /// Whether an index keeps it. Objects and null are left out, and so are arrays with them.
    pub(super) fn is_indexed(&self) -> bool {
        match self {
            Self::Text(_) | Self::Number(_) | Self::Bool(_) | Self::Time(_) => true,
            Self::Array(items) => items.iter().all(Self::is_indexed),
            Self::Min | Self::Max | Self::Null | Self::Object(_) => false,
        }
    }

    fn rank(&self) -> u8 {
        // By the names of the types.
        match self {
            Self::Min => 0,
            Self::Array(_) => 1,
            Self::Bool(_) => 2,
            Self::Null => 3,
            Self::Number(_) => 4,
            Self::Object(_) => 5,
            Self::Time(_) => 6,
            Self::Text(_) => 7,
            Self::Max => 8,
        }
    }
}

fn number_json(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "it is whole, and in the range")]
    if number.fract() == 0.0 && number.abs() < 9.2e18 {
        return (number as i64).into();
    }
    number.into()
}

impl Ord for Datum {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Array(one), Self::Array(two)) => one.cmp(two),
            (Self::Bool(one), Self::Bool(two)) => one.cmp(two),
            (Self::Number(one), Self::Number(two)) | (Self::Time(one), Self::Time(two)) => {
                // No number is NaN, and the zeros are equal.
                one.partial_cmp(two).unwrap_or(Ordering::Equal)
            }
            (Self::Object(one), Self::Object(two)) => one.iter().cmp(two.iter()),
            (Self::Text(one), Self::Text(two)) => one.cmp(two),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Datum {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Datum {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Datum {}

impl From<&str> for Datum {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Datum {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<Vec<Datum>> for Datum {
    fn from(items: Vec<Datum>) -> Self {
        Self::Array(items.into())
    }
}

impl From<Fields> for Datum {
    fn from(fields: Fields) -> Self {
        Self::Object(fields.into())
    }
}
