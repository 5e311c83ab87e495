//! The answer to the question why a job did, or did not, run.

use std::fmt;
use std::sync::Arc;

use apscheduler_core::job::JobKey;
use apscheduler_core::ledger::{Reason, RunState};
use apscheduler_core::printable;
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::time::{Timestamp, Zone};
use serde::{Serialize, Serializer};

use super::evidence::{Evidence, iso};
use super::verdict::Verdict;

/// The answer to the question why a job ran, did not run, or will not run, with its evidence.
///
/// Times are UTC. Those in the texts are in the zone of the job's trigger, or else of the scheduler. `Display` writes the
/// answer, and a line for each piece of evidence. `Serialize` writes a table: times are text in UTC, and what is unknown is
/// left out.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Why {
    /// The id of the job.
    #[serde(serialize_with = "text")]
    pub job_id: Arc<str>,
    /// The alias of its store.
    #[serde(serialize_with = "text")]
    pub jobstore: Arc<str>,
    /// The time that was asked for. `None`: the next fire.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "iso")]
    pub asked: Option<Timestamp>,
    /// The run time that the answer is about. `None` if there is none.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "iso")]
    pub run_time: Option<Timestamp>,
    /// The last time before the one that was asked for at which the trigger fires, if it does not fire then.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "iso")]
    pub planned_before: Option<Timestamp>,
    /// The first time after the one that was asked for at which the trigger fires, if it does not fire then.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "iso")]
    pub planned_after: Option<Timestamp>,
    /// The answer in one word.
    pub verdict: Verdict,
    /// The answer in one sentence.
    pub answer: String,
    /// The run, if there is a record of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    /// The state of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<RunState>,
    /// Why it did not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The scheduler that claimed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<OwnerId>,
    /// The zone of the times in the texts.
    pub timezone: Zone,
    /// What the answer is based on.
    pub evidence: Vec<Evidence>,
}

fn text<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

impl Why {
    pub(super) fn new(job: (&Arc<str>, &Arc<str>), timezone: Zone) -> Self {
        let (job_id, jobstore) = (Arc::clone(job.0), Arc::clone(job.1));
        Self {
            job_id,
            jobstore,
            asked: None,
            run_time: None,
            planned_before: None,
            planned_after: None,
            verdict: Verdict::Unknown,
            answer: String::new(),
            run_id: None,
            state: None,
            reason: None,
            owner: None,
            timezone,
            evidence: Vec::new(),
        }
    }

    /// Returns the key of the job.
    pub fn key(&self) -> JobKey {
        JobKey::in_store(Arc::clone(&self.jobstore), Arc::clone(&self.job_id))
    }

    /// Answers with what was found.
    pub(super) fn found(mut self, found: Finding) -> Self {
        self.verdict = found.verdict;
        self.answer = format!("`{}` {}", self.job_id, found.about_the_job);
        self.with(found.evidence)
    }

    pub(super) fn with(mut self, evidence: impl IntoIterator<Item = Evidence>) -> Self {
        self.evidence.extend(evidence);
        self
    }
}

/// What was found, before it is put into an answer.
#[derive(Debug)]
pub(super) struct Finding {
    verdict: Verdict,
    /// A sentence without its subject, which is the job.
    about_the_job: String,
    evidence: Vec<Evidence>,
}

impl Finding {
    pub(super) fn new(verdict: Verdict, about_the_job: impl Into<String>) -> Self {
        Self { verdict, about_the_job: about_the_job.into(), evidence: Vec::new() }
    }

    pub(super) fn with(mut self, evidence: impl IntoIterator<Item = Evidence>) -> Self {
        self.evidence.extend(evidence);
        self
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable::line(&self.answer))?;
        for evidence in &self.evidence {
            write!(f, "\n  {}: {}", evidence.kind.name(), printable::line(&evidence.text))?;
        }
        Ok(())
    }
}
