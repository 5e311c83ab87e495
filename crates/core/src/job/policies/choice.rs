//! Policies that are one of a few words.

use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What becomes of a run whose scheduler dies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnCrash {
    /// It is lost: nobody knows how it ended.
    #[default]
    Lost,
    /// It is recorded as lost and run again, at most this often.
    Rerun {
        /// How often.
        limit: u32,
    },
}

impl OnCrash {
    /// How often a run is run again if nothing else is said.
    pub const RERUNS: u32 = 3;

    /// The run is run again, at most three times.
    pub const fn rerun() -> Self {
        Self::Rerun { limit: Self::RERUNS }
    }
}

/// Which running instances of a job count for its `max_instances`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OverlapScope {
    /// Those of this process.
    #[default]
    Process,
    /// Those of all schedulers that share the store.
    Cluster,
}

/// Which run times follow when a job is resumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OnResume {
    /// Those after the call.
    #[default]
    Next,
    /// Those since it was paused.
    CatchUp,
}

/// `"lost"`, `"rerun"`, or a table such as `{"rerun": 5}`.
impl Serialize for OnCrash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Lost => serializer.serialize_str("lost"),
            Self::Rerun { limit: Self::RERUNS } => serializer.serialize_str("rerun"),
            Self::Rerun { limit } => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("rerun", limit)?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for OnCrash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OnCrashVisitor)
    }
}

struct OnCrashVisitor;

const EXPECTED: &str = "\"lost\", \"rerun\", or a table such as {\"rerun\": 5}";

impl<'de> Visitor<'de> for OnCrashVisitor {
    type Value = OnCrash;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<OnCrash, E> {
        match text {
            "lost" => Ok(OnCrash::Lost),
            "rerun" => Ok(OnCrash::rerun()),
            _ => Err(E::custom(format!("expected {EXPECTED}, found text {text:?}"))),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<OnCrash, A::Error> {
        let entry: Option<(String, u32)> = map.next_entry()?;
        match entry {
            Some((key, limit)) if key == "rerun" && map.next_key::<String>()?.is_none() => {
                Ok(OnCrash::Rerun { limit })
            }
            _ => Err(A::Error::custom(
                "expected a table such as {\"rerun\": 5}: how often a run is run again",
            )),
        }
    }
}
