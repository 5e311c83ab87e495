//! What must hold, whatever happens.

use std::fmt;

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) rule: Rule,
    pub(super) details: String,
}

/// What must hold, whatever happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Each planned run time that is due has one outcome in the end, and what was not planned has none.
    OneOutcome,
    /// No run time runs twice, and none runs that was not claimed.
    OneRun,
    /// The attempts of a run are numbered without a gap. Each is claimed once, and another one follows exactly if the
    /// policies of the job ask for it.
    AttemptsInOrder,
    /// The outcome says what happened.
    TrueOutcome,
    /// The first outcome of a run stays.
    OutcomesStay,
    /// Run times are claimed one after the other, without a gap, and what a claim leaves out is counted exactly.
    ClaimsInOrder,
    /// Within a process, the runs of a job that runs once at a time begin in the order of their run times.
    RunsInOrder,
    /// A job has no more instances in a process than it may have, or in the cluster if they count there.
    MaxInstances,
    /// What an owner that was found dead reports later is not written. It begins nothing that it was given before, unless
    /// it can't ask the ledger, and is given nothing more.
    Fence,
    /// Nobody is found dead who has given a sign of life within the lease, and only runs of the dead are lost.
    DeathIsCertain,
    /// In the end, nothing is left to do.
    Settled,
    /// Nothing panics.
    NoPanic,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.details)
    }
}
