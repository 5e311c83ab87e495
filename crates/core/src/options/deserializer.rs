//! A deserializer over JSON values that reads text as numbers and booleans where the field is one.

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, IntoDeserializer as _, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Number, Value};

use super::error::OptionError;
use super::value::{kind, parse_bool};
use crate::suggestion;

/// A value to deserialize.
#[derive(Clone, Copy)]
pub(super) enum Lenient<'a> {
    Value(&'a Value),
    Object(&'a Map<String, Value>),
}

impl<'a> Lenient<'a> {
    pub(super) fn value(value: &'a Value) -> Self {
        match value {
            Value::Object(map) => Self::Object(map),
            other => Self::Value(other),
        }
    }

    pub(super) fn object(map: &'a Map<String, Value>) -> Self {
        Self::Object(map)
    }

    fn expected(self, what: &str) -> OptionError {
        let found = match self {
            Self::Object(_) => "a table".to_owned(),
            // A URL in the wrong place may contain a password.
            Self::Value(Value::String(text)) if !text.contains("://") => format!("text {text:?}"),
            Self::Value(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
            Self::Value(value) => kind(value).to_owned(),
        };
        OptionError::new(format!("expected {what}, found {found}"))
    }

    fn number(self) -> Option<Number> {
        match self {
            Self::Value(Value::Number(number)) => Some(number.clone()),
            Self::Value(Value::String(text)) => text.trim().parse().ok(),
            _ => None,
        }
    }

    fn integer<T: TryFrom<i128>>(self, least: i128, most: i128) -> Result<T, OptionError> {
        let number = self.number().ok_or_else(|| self.expected("a whole number"))?;
        let out_of_range = |number: &str| {
            OptionError::new(format!("{number} is out of range; expected {least} to {most}"))
        };
        match number.as_i128().or_else(|| whole(&number)) {
            Some(whole) => T::try_from(whole).map_err(|_| out_of_range(&whole.to_string())),
            // A whole number with too many digits became a float; the text still has all of them.
            None if number.as_f64().is_some_and(|float| float.fract() == 0.0) => Err(match self {
                Self::Value(Value::String(text)) => out_of_range(text.trim()),
                _ => out_of_range(&number.to_string()),
            }),
            None => Err(self.expected("a whole number")),
        }
    }
}

/// `3.0` is a whole number too.
#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
fn whole(number: &Number) -> Option<i128> {
    let float = number.as_f64()?;
    (float.fract() == 0.0 && float.abs() < 9e15).then_some(float as i128)
}

macro_rules! integers {
    ($($method:ident $visit:ident $type:ty),+ $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, OptionError> {
            visitor.$visit(self.integer::<$type>(i128::from(<$type>::MIN), i128::from(<$type>::MAX))?)
        }
    )+};
}

impl<'de> Deserializer<'de> for Lenient<'_> {
    type Error = OptionError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, OptionError> {
        match self {
            Self::Object(map) | Self::Value(Value::Object(map)) => {
                visitor.visit_map(Entries::new(map))
            }
            Self::Value(Value::Null) => visitor.visit_unit(),
            Self::Value(Value::Bool(flag)) => visitor.visit_bool(*flag),
            Self::Value(Value::String(text)) => visitor.visit_str(text),
            Self::Value(Value::Array(items)) => visitor.visit_seq(Items { items, next: 0 }),
            Self::Value(Value::Number(number)) => {
                if let Some(number) = number.as_u64() {
                    visitor.visit_u64(number)
                } else if let Some(number) = number.as_i64() {
                    visitor.visit_i64(number)
                } else {
                    visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN))
                }
            }
        }
    }

    integers!(
        deserialize_i8 visit_i8 i8,
        deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64,
        deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
    );

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, OptionError> {
        let flag = match self {
            Self::Value(Value::Bool(flag)) => Some(*flag),
            Self::Value(Value::String(text)) => parse_bool(text),
            Self::Value(Value::Number(number)) => match number.as_u64() {
                Some(0) => Some(false),
                Some(1) => Some(true),
                _ => None,
            },
            _ => None,
        };
        visitor.visit_bool(flag.ok_or_else(|| self.expected("true or false"))?)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, OptionError> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, OptionError> {
        let number = self.number().and_then(|number| number.as_f64());
        visitor.visit_f64(number.ok_or_else(|| self.expected("a number"))?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, OptionError> {
        match self {
            Self::Value(Value::String(text)) => visitor.visit_str(text),
            other => Err(other.expected("text")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, OptionError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, OptionError> {
        match self {
            Self::Value(Value::Null) => visitor.visit_none(),
            // A flat dict has no null.
            Self::Value(Value::String(text)) if matches!(text.trim(), "None" | "null" | "none") => {
                visitor.visit_none()
            }
            other => visitor.visit_some(other),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, OptionError> {
        match self {
            Self::Value(Value::Array(items)) => visitor.visit_seq(Items { items, next: 0 }),
            other => Err(other.expected("a list")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, OptionError> {
        match self {
            Self::Object(map) | Self::Value(Value::Object(map)) => {
                visitor.visit_map(Entries::new(map))
            }
            other @ Self::Value(_) => Err(other.expected("a table of options")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, OptionError> {
        if let Self::Object(map) = self
            && let Some(unknown) = map.keys().find(|key| !fields.contains(&key.as_str()))
        {
            let hint = suggestion::hint(unknown, "known options", fields.iter().copied());
            return Err(OptionError::new(format!("unknown option `{unknown}`{hint}")));
        }
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, OptionError> {
        match self {
            Self::Value(Value::String(text)) if variants.contains(&text.as_str()) => {
                let variant: StrDeserializer<'_, OptionError> = text.as_str().into_deserializer();
                visitor.visit_enum(variant)
            }
            Self::Value(Value::String(text)) => {
                let hint = suggestion::hint(text, "known values", variants.iter().copied());
                Err(OptionError::new(format!("unknown value `{text}`{hint}")))
            }
            other => Err(other.expected(&format!("one of {}", variants.join(", ")))),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, OptionError> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

struct Entries<'a> {
    rest: serde_json::map::Iter<'a>,
    current: Option<(&'a String, &'a Value)>,
}

impl<'a> Entries<'a> {
    fn new(map: &'a Map<String, Value>) -> Self {
        Self { rest: map.iter(), current: None }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = OptionError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, OptionError> {
        self.current = self.rest.next();
        match self.current {
            None => Ok(None),
            Some((key, _)) => {
                let key: StrDeserializer<'_, OptionError> = key.as_str().into_deserializer();
                seed.deserialize(key).map(Some)
            }
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, OptionError> {
        let Some((key, value)) = self.current.take() else {
            return Err(de::Error::custom("a value was asked for before its key"));
        };
        seed.deserialize(Lenient::value(value)).map_err(|error| error.under(key))
    }
}

struct Items<'a> {
    items: &'a [Value],
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = OptionError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, OptionError> {
        let Some(item) = self.items.get(self.next) else {
            return Ok(None);
        };
        let index = self.next;
        self.next += 1;
        seed.deserialize(Lenient::value(item)).map(Some).map_err(|error| error.at(index))
    }
}
