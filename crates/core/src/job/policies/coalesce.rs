//! Which of several due run times run.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Which of several due run times of a job run. As in APScheduler, `true` is the latest, and `false` all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Coalesce {
    /// The latest one.
    #[default]
    Latest,
    /// The earliest one.
    Earliest,
    /// All of them, one after the other.
    All,
}

impl Coalesce {
    /// Returns whether several due run times become one run.
    pub fn is_one(self) -> bool {
        self != Self::All
    }
}

impl From<bool> for Coalesce {
    fn from(coalesce: bool) -> Self {
        if coalesce { Self::Latest } else { Self::All }
    }
}

/// `true`, `false`, or `"earliest"`.
impl Serialize for Coalesce {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Latest => serializer.serialize_bool(true),
            Self::Earliest => serializer.serialize_str("earliest"),
            Self::All => serializer.serialize_bool(false),
        }
    }
}

impl<'de> Deserialize<'de> for Coalesce {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CoalesceVisitor)
    }
}

struct CoalesceVisitor;

const EXPECTED: &str = "true or false, or \"latest\", \"earliest\" or \"all\"";

impl Visitor<'_> for CoalesceVisitor {
    type Value = Coalesce;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Coalesce, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Coalesce, E> {
        text.parse().map_err(|()| E::custom(format!("expected {EXPECTED}, found text {text:?}")))
    }
}

impl std::str::FromStr for Coalesce {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "latest" => Ok(Self::Latest),
            "earliest" => Ok(Self::Earliest),
            "all" => Ok(Self::All),
            _ => crate::options::parse_bool(text).map(Self::from).ok_or(()),
        }
    }
}
