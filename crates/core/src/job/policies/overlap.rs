//! What becomes of a run when the job has its maximum of running instances.

use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What becomes of a run when the job has its maximum of running instances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overlap {
    /// It is skipped.
    #[default]
    Skip,
    /// It waits until an instance ends. Further ones are skipped.
    BufferOne,
    /// It waits until an instance ends, with at most this many others. Further ones are skipped.
    BufferAll(u32),
    /// The running instances are asked to end, and it runs when one has.
    CancelOther,
    /// The running instances are asked to end, and it runs at once.
    TerminateOther,
    /// It runs: there is no maximum.
    Allow,
}

impl Overlap {
    /// How many runs wait with `buffer_all` if nothing else is said.
    pub const BUFFER: u32 = 100;

    /// Returns how many runs may wait for an instance to end.
    pub fn buffer(self) -> usize {
        match self {
            Self::BufferOne | Self::CancelOther => 1,
            Self::BufferAll(most) => most as usize,
            Self::Skip | Self::TerminateOther | Self::Allow => 0,
        }
    }

    pub(super) fn validate(self) -> Result<(), String> {
        if self == Self::BufferAll(0) {
            return Err(
                "`overlap`: `buffer_all` needs a positive number of runs that may wait; with none, use `skip`"
                    .to_owned(),
            );
        }
        Ok(())
    }

    fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "skip" => Self::Skip,
            "buffer_one" => Self::BufferOne,
            "buffer_all" => Self::BufferAll(Self::BUFFER),
            "cancel_other" => Self::CancelOther,
            "terminate_other" => Self::TerminateOther,
            "allow" => Self::Allow,
            _ => return None,
        })
    }
}

/// The word of a config, such as `buffer_one`.
impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Skip => "skip",
            Self::BufferOne => "buffer_one",
            Self::BufferAll(_) => "buffer_all",
            Self::CancelOther => "cancel_other",
            Self::TerminateOther => "terminate_other",
            Self::Allow => "allow",
        })
    }
}

/// A word, or a table such as `{"buffer_all": 10}`.
impl Serialize for Overlap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::BufferAll(most) if *most != Self::BUFFER => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("buffer_all", most)?;
                map.end()
            }
            word => serializer.collect_str(word),
        }
    }
}

impl<'de> Deserialize<'de> for Overlap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OverlapVisitor)
    }
}

struct OverlapVisitor;

const EXPECTED: &str = "\"skip\", \"buffer_one\", \"buffer_all\", \"cancel_other\", \"terminate_other\", \"allow\", or a \
                        table such as {\"buffer_all\": 10}";

impl<'de> Visitor<'de> for OverlapVisitor {
    type Value = Overlap;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Overlap, E> {
        Overlap::from_word(text)
            .ok_or_else(|| E::custom(format!("expected {EXPECTED}, found text {text:?}")))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Overlap, A::Error> {
        let entry: Option<(String, u32)> = map.next_entry()?;
        match entry {
            Some((key, most)) if key == "buffer_all" && map.next_key::<String>()?.is_none() => {
                Ok(Overlap::BufferAll(most))
            }
            _ => Err(A::Error::custom(
                "expected a table such as {\"buffer_all\": 10}: how many runs may wait",
            )),
        }
    }
}
