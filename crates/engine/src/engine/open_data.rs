//! What a row of an open run says beside its state, as JSON text that stores do not look into.

use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::job::stored::encode_value;
use apscheduler_core::job::{JobSpec, OnCrash, Policies};
use apscheduler_core::run::RunId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a row of an open run says beside its state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct OpenData {
    /// How often the run may be run again after a crash.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) reruns: u32,
    /// How often it was run again after a crash.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) crashes: u32,
    /// Whether the attempt before ended with its scheduler.
    #[serde(skip_serializing_if = "is_false")]
    pub(super) recovering: bool,
    /// Whether no claim of the job began the run: somebody asked for it.
    #[serde(skip_serializing_if = "is_false")]
    pub(super) asked: bool,
    /// The backfill that the run belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) backfill: Option<RunId>,
    /// The run of the same backfill that may begin when this one has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<RunId>,
    /// Whether the run had no row, and somebody asks its owner to cancel it.
    #[serde(skip_serializing_if = "is_false")]
    pub(super) is_request: bool,
    /// The call that has claimed the run to cancel it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cancelled_by: Option<RunId>,
    /// The definition of the job at the claim. It counts when the job has finished, so that its store has it no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) job: Option<Value>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// Returns how often a run may be run again after a crash.
fn reruns(policies: &Policies) -> u32 {
    match policies.on_crash {
        OnCrash::Rerun { limit } => limit,
        _ => 0,
    }
}

impl OpenData {
    /// The data of a run that is claimed.
    pub(super) fn of(job: &JobSpec) -> Result<Self> {
        // A closure can't be written, and is kept by the scheduler itself.
        let definition = job.function().is_named().then(|| encode_value(job)).transpose()?;
        Ok(Self { reruns: reruns(job.policies()), job: definition, ..Self::default() })
    }

    /// The data of a run that somebody asks for.
    pub(super) fn asked_for(policies: &Policies) -> Self {
        Self { reruns: reruns(policies), asked: true, ..Self::default() }
    }

    /// Reads the text of a row. What is damaged is left out.
    pub(super) fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    pub(super) fn text(&self) -> Arc<str> {
        // Numbers and JSON values can always be written.
        serde_json::to_string(self).unwrap_or_default().into()
    }

    /// Returns the data of another attempt after a crash, if the run may be run again.
    pub(super) fn rerun(mut self) -> Option<Self> {
        (self.crashes < self.reruns).then(|| {
            self.crashes += 1;
            self.recovering = true;
            self
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_of_reruns_is_kept() {
        let mut data = OpenData { reruns: 2, ..OpenData::default() };
        for crashes in 1..=2 {
            data = OpenData::read(&data.text()).rerun().unwrap();
            assert_eq!((data.crashes, data.recovering), (crashes, true));
        }
        assert_eq!(data.rerun(), None);
        assert_eq!(OpenData::read("{damaged"), OpenData::default());
    }
}
