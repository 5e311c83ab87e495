//! The owners of runs in a ledger.

use std::time::Duration;

use crate::run::Owner;
use crate::time::Timestamp;

/// Whether an owner is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OwnerState {
    /// It runs, as far as is known.
    Alive,
    /// It was shut down.
    Ended,
    /// Another scheduler has found that it did not renew its lease. It stays dead: its outcomes are refused.
    Dead,
}

impl OwnerState {
    /// Returns the name of the state, such as `alive`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Ended => "ended",
            Self::Dead => "dead",
        }
    }

    /// Returns the state with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Alive, Self::Ended, Self::Dead].into_iter().find(|state| state.name() == name)
    }
}

/// An owner as a ledger keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnerRecord {
    /// The owner.
    pub owner: Owner,
    /// Whether it is alive.
    pub state: OwnerState,
    /// When it last renewed its lease, by the clock of the backend.
    pub heartbeat: Timestamp,
    /// How long the lease lasts.
    pub lease: Duration,
}

impl OwnerRecord {
    /// The record of an owner that renewed its lease at this time.
    pub fn new(owner: Owner, state: OwnerState, heartbeat: Timestamp, lease: Duration) -> Self {
        Self { owner, state, heartbeat, lease }
    }
}

/// The result of [`RunLedger::append`](super::RunLedger::append).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// The records were written.
    Written,
    /// The owner is dead, and its runs are lost. The outcomes were added to these records, where there are any.
    Fenced,
}
