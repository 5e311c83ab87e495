//! Deliberate defects, which show that the simulation finds such defects.

use std::fmt;

/// A deliberate defect: of the simulated store, or of the engine as its ledger sees it.
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
    /// A step of an open run is carried out whatever its row is by now.
    StepsIgnoreMarks,
    /// A run that waits is handed out to a second caller.
    OpenClaimHandsOutTwice,
    /// Of the engine: a scheduler that was found dead does not notice it.
    DeathGoesUnnoticed,
    /// Of the engine: crashes do not use up the budget of `on_crash`.
    CrashesAreNotCounted,
    /// Of the engine: failures do not use up the attempts of `retry`.
    FailuresAreNotCounted,
    /// Of the engine: with `overlap_scope = cluster`, the instances of others do not count.
    ClusterIsNotCounted,
    /// Of the engine: who settles the runs of a dead scheduler overlooks its open runs.
    OpenRunsOfTheDeadAreOverlooked,
    /// Of the engine: a run that is skipped is recorded before its row ends, in a transaction of its own.
    SkipIsNotAtomic,
}

impl Mutation {
    /// All mutations.
    pub const ALL: [Self; 16] = [
        Self::ClaimIgnoresRevision,
        Self::JournalAfterClaim,
        Self::DoubtIsDropped,
        Self::DoubtIsWon,
        Self::AppendIgnoresDeath,
        Self::LastOutcomeCounts,
        Self::AppendIsNotAtomic,
        Self::CondemnIgnoresHeartbeat,
        Self::StepsIgnoreMarks,
        Self::OpenClaimHandsOutTwice,
        Self::DeathGoesUnnoticed,
        Self::CrashesAreNotCounted,
        Self::FailuresAreNotCounted,
        Self::ClusterIsNotCounted,
        Self::OpenRunsOfTheDeadAreOverlooked,
        Self::SkipIsNotAtomic,
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
            Self::StepsIgnoreMarks => "steps-ignore-marks",
            Self::OpenClaimHandsOutTwice => "open-claim-hands-out-twice",
            Self::DeathGoesUnnoticed => "death-goes-unnoticed",
            Self::CrashesAreNotCounted => "crashes-are-not-counted",
            Self::FailuresAreNotCounted => "failures-are-not-counted",
            Self::ClusterIsNotCounted => "cluster-is-not-counted",
            Self::OpenRunsOfTheDeadAreOverlooked => "open-runs-of-the-dead-are-overlooked",
            Self::SkipIsNotAtomic => "skip-is-not-atomic",
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
