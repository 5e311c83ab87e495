//! The owners of runs: schedulers, from a start to the shutdown.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Error, ErrorKind};

/// Identifies one start of a scheduler. It is random, so a scheduler that is started again is another owner.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct OwnerId([u8; 16]);

impl OwnerId {
    /// Returns a new identifier.
    pub fn random() -> Self {
        Self(Uuid::new_v4().into_bytes())
    }

    /// Returns the identifier as a number.
    pub fn as_u128(self) -> u128 {
        u128::from_be_bytes(self.0)
    }

    /// Returns the identifier with this number.
    pub const fn from_u128(number: u128) -> Self {
        Self(number.to_be_bytes())
    }
}

impl fmt::Display for OwnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Uuid::from_bytes(self.0), f)
    }
}

impl fmt::Debug for OwnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnerId({self})")
    }
}

impl FromStr for OwnerId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Uuid::try_parse(text).map(|uuid| Self(uuid.into_bytes())).map_err(|error| {
            Error::new(ErrorKind::Other, format!("`{text}` is not the id of an owner"))
                .with_source(error)
        })
    }
}

impl From<OwnerId> for String {
    fn from(id: OwnerId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for OwnerId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

/// A scheduler from a start to the shutdown, which owns the runs that it claims.
///
/// # Examples
/// ```
/// use apscheduler_core::run::Owner;
///
/// let owner = Owner::new("shop", "host1", 4711);
/// assert_eq!(owner.to_string(), "shop on host1, process 4711");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Owner {
    /// Its identifier.
    pub id: OwnerId,
    /// The name of the scheduler or its program.
    pub name: String,
    /// The name of the host.
    pub host: String,
    /// The id of the process.
    pub pid: u32,
}

impl Owner {
    /// An owner with a new identifier.
    pub fn new(name: impl Into<String>, host: impl Into<String>, pid: u32) -> Self {
        Self { id: OwnerId::random(), name: name.into(), host: host.into(), pid }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}, process {}", self.name, self.host, self.pid)
    }
}
