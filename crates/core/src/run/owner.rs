//! The owners of runs: schedulers, from a start to the shutdown.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::uuid_type::uuid_type;

/// Identifies one start of a scheduler. It is random, so a scheduler that is started again is another owner.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct OwnerId([u8; 16]);

impl OwnerId {
    /// Returns a new identifier.
    pub fn random() -> Self {
        Self(Uuid::new_v4().into_bytes())
    }
}

uuid_type!(OwnerId, "the id of an owner");

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
        Self::with_id(OwnerId::random(), name, host, pid)
    }

    /// An owner with this identifier.
    pub fn with_id(
        id: OwnerId,
        name: impl Into<String>,
        host: impl Into<String>,
        pid: u32,
    ) -> Self {
        Self { id, name: name.into(), host: host.into(), pid }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}, process {}", self.name, self.host, self.pid)
    }
}
