//! What an answer is based on.

use apscheduler_core::ledger::RunRecord;
use apscheduler_core::run::OwnerId;
use apscheduler_core::time::{Timestamp, Zone};
use serde::{Deserialize, Serialize, Serializer};

/// Where a piece of evidence comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EvidenceKind {
    /// The record of a run, or of run times that did not run.
    Record,
    /// The record of a change of the job.
    Change,
    /// When schedulers processed the jobs of the store, or do.
    Scheduler,
    /// The trigger of the job.
    Trigger,
    /// The job as the store has it.
    Job,
    /// The store, and what is recorded in it.
    Store,
}

impl EvidenceKind {
    /// Returns the name of the kind, such as `record`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Change => "change",
            Self::Scheduler => "scheduler",
            Self::Trigger => "trigger",
            Self::Job => "job",
            Self::Store => "store",
        }
    }
}

/// A fact that an answer is based on. Times are UTC; those in the text are in the zone of the answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Evidence {
    /// Where it comes from.
    pub kind: EvidenceKind,
    /// When it happened, or began.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "iso")]
    pub time: Option<Timestamp>,
    /// When it ended, if it is about a span of time and has ended.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "iso")]
    pub until: Option<Timestamp>,
    /// The fact as a sentence.
    pub text: String,
    /// The scheduler that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<OwnerId>,
    /// The record that it comes from: of a run or of a change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<RunRecord>,
}

impl Evidence {
    pub(super) fn new(kind: EvidenceKind, text: impl Into<String>) -> Self {
        Self { kind, time: None, until: None, text: text.into(), owner: None, record: None }
    }

    pub(super) fn span(mut self, from: Timestamp, until: Option<Timestamp>) -> Self {
        (self.time, self.until) = (Some(from), until);
        self
    }

    pub(super) fn owner(mut self, owner: OwnerId) -> Self {
        self.owner = Some(owner);
        self
    }

    pub(super) fn of(kind: EvidenceKind, record: &RunRecord, text: impl Into<String>) -> Self {
        Self {
            time: Some(record.scheduled_run_time),
            until: record.until,
            owner: Some(record.owner),
            record: Some(record.clone()),
            ..Self::new(kind, text)
        }
    }
}

/// Writes a time as text, in UTC.
#[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
pub(super) fn iso<S: Serializer>(
    time: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.map(|time| Zone::UTC.iso(time)).serialize(serializer)
}
