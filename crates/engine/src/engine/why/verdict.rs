//! What became of a run time, or will, in one word.

use std::fmt;

use apscheduler_core::ledger::RunState;
use serde::{Deserialize, Serialize};

/// What became of a run time, or will, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// The job ran, and succeeded.
    Ran,
    /// It was claimed, and has no outcome yet.
    Running,
    /// The run waits: for its next attempt, or to be claimed.
    Waiting,
    /// It is due, and no scheduler has claimed it yet.
    Due,
    /// It lies ahead, and nothing stands in its way as far as is known.
    WillRun,
    /// It runs when a run of another job ends.
    AfterOthers,
    /// The job was not, or is not, to run at that time.
    NotPlanned,
    /// The schedule of the job has ended.
    Finished,
    /// The job was paused, or is.
    Paused,
    /// The run would have started too late.
    Missed,
    /// The run was not started; the reason says why.
    Skipped,
    /// Another run of the job stands for it.
    Coalesced,
    /// The scheduler that had claimed it died, so nobody knows how it ended.
    Lost,
    /// The function failed.
    Failed,
    /// The run was ended at its timeout.
    TimedOut,
    /// The run was cancelled.
    Cancelled,
    /// No scheduler was running, or is.
    NoScheduler,
    /// Every scheduler was paused, or is.
    SchedulerPaused,
    /// No executor has the alias that the job names.
    NoExecutor,
    /// This program can't restore the job.
    Broken,
    /// The store can't be read.
    StoreUnavailable,
    /// The job was added later.
    NotYetAdded,
    /// The job had been removed.
    Removed,
    /// The job had another trigger, which does not fire at that time.
    OtherTrigger,
    /// The time was planned, but such a record is not written, or not kept for so long.
    NotRecorded,
    /// Nothing that is recorded tells.
    Unknown,
}

impl Verdict {
    /// Returns the code of the verdict, such as `not_planned`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ran => "ran",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Due => "due",
            Self::WillRun => "will_run",
            Self::AfterOthers => "after_others",
            Self::NotPlanned => "not_planned",
            Self::Finished => "finished",
            Self::Paused => "paused",
            Self::Missed => "missed",
            Self::Skipped => "skipped",
            Self::Coalesced => "coalesced",
            Self::Lost => "lost",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
            Self::NoScheduler => "no_scheduler",
            Self::SchedulerPaused => "scheduler_paused",
            Self::NoExecutor => "no_executor",
            Self::Broken => "broken",
            Self::StoreUnavailable => "store_unavailable",
            Self::NotYetAdded => "not_yet_added",
            Self::Removed => "removed",
            Self::OtherTrigger => "other_trigger",
            Self::NotRecorded => "not_recorded",
            Self::Unknown => "unknown",
        }
    }

    /// Returns the verdict on a run in this state.
    pub(super) fn of(state: RunState) -> Self {
        match state {
            RunState::Waiting => Self::Waiting,
            RunState::Claimed | RunState::Running => Self::Running,
            RunState::Ok => Self::Ran,
            RunState::Failed => Self::Failed,
            RunState::TimedOut => Self::TimedOut,
            RunState::Cancelled => Self::Cancelled,
            RunState::Lost => Self::Lost,
            RunState::Missed => Self::Missed,
            RunState::Skipped => Self::Skipped,
            RunState::Coalesced => Self::Coalesced,
            _ => Self::Unknown,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_what_is_serialized() {
        for verdict in [Verdict::Ran, Verdict::NotYetAdded, Verdict::TimedOut, Verdict::WillRun] {
            assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.name());
        }
    }

    #[test]
    fn each_state_of_a_run_has_a_verdict() {
        for state in RunState::ALL.into_iter().filter(|state| *state != RunState::Changed) {
            assert_ne!(Verdict::of(state), Verdict::Unknown, "{state}");
        }
    }
}
