//! Deliberate defects of the simulated store, which show that the simulation finds such defects.

use std::fmt;

/// A deliberate defect of the simulated store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// A claim is written whatever the revision of the record is by now.
    ClaimIgnoresRevision,
    /// The journal entry of a claim is written in a transaction of its own, after the claim.
    JournalAfterClaim,
    /// Claims whose answer was lost are forgotten.
    DoubtIsDropped,
    /// Claims whose answer was lost are returned as won, without asking whether they were written.
    DoubtIsWon,
    /// Outcomes of an owner that was found dead are written.
    AppendIgnoresDeath,
    /// A later outcome of a run replaces the first.
    LastOutcomeCounts,
    /// Batches are closed in a transaction of its own, before their records are written.
    AppendIsNotAtomic,
    /// An owner is found dead although it has given a sign of life since.
    CondemnIgnoresHeartbeat,
}

impl Mutation {
    /// All mutations.
    pub const ALL: [Self; 8] = [
        Self::ClaimIgnoresRevision,
        Self::JournalAfterClaim,
        Self::DoubtIsDropped,
        Self::DoubtIsWon,
        Self::AppendIgnoresDeath,
        Self::LastOutcomeCounts,
        Self::AppendIsNotAtomic,
        Self::CondemnIgnoresHeartbeat,
    ];

    /// Returns the name of the mutation, such as `claim-ignores-revision`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClaimIgnoresRevision => "claim-ignores-revision",
            Self::JournalAfterClaim => "journal-after-claim",
            Self::DoubtIsDropped => "doubt-is-dropped",
            Self::DoubtIsWon => "doubt-is-won",
            Self::AppendIgnoresDeath => "append-ignores-death",
            Self::LastOutcomeCounts => "last-outcome-counts",
            Self::AppendIsNotAtomic => "append-is-not-atomic",
            Self::CondemnIgnoresHeartbeat => "condemn-ignores-heartbeat",
        }
    }

    /// Returns the mutation with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mutation| mutation.name() == name)
    }
}

impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
