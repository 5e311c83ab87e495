//! What is known of a job when the question is asked.

use std::sync::Arc;

use apscheduler_core::job::{JobSpec, Paused, Policies};
use apscheduler_core::ledger::{History, OpenRun, OwnerRecord, Retention, RunRecord};
use apscheduler_core::run::OwnerId;
use apscheduler_core::store::JobRecord;
use apscheduler_core::time::{Timestamp, Zone};
use apscheduler_core::trigger::Trigger;
use apscheduler_core::{Error, Result};

use super::answer::Why;
use super::job_past::{JobPast, Noted, ValueThen};
use super::presence_spans::PresenceSpans;

/// What is known of a job when the question is asked.
pub(super) struct Facts {
    pub(super) job_id: Arc<str>,
    pub(super) jobstore: Arc<str>,
    pub(super) now: Timestamp,
    /// The zone of the scheduler.
    pub(super) zone: Zone,
    /// The job as its store has it now.
    pub(super) job: Option<JobNow>,
    /// The changes of the job, the earliest first.
    pub(super) changes: Vec<Noted>,
    pub(super) presence: PresenceSpans,
    /// The owners of which no span is known: they look after jobs and process none, or their records are not written yet.
    pub(super) unplaced: Vec<OwnerRecord>,
    /// Which runs of jobs are recorded; `None` if the store has no ledger.
    pub(super) level: Option<History>,
    pub(super) retention: Retention,
    /// The open runs of the job that have a row.
    pub(super) open: Vec<OpenRun>,
    /// The records of its runs that were claimed and have no outcome yet.
    pub(super) claimed: Vec<RunRecord>,
}

/// A job as its store has it now.
pub(super) struct JobNow {
    pub(super) next_run_time: Option<Timestamp>,
    /// `None` if this program can't restore it.
    pub(super) spec: Option<Arc<JobSpec>>,
    pub(super) policies: Policies,
    /// Why this program can't restore it.
    pub(super) broken: Option<Error>,
    /// Why no executor can run it.
    pub(super) no_executor: Option<Error>,
    /// Its trigger, which may be known even if the job can't be restored.
    pub(super) trigger: Result<Arc<dyn Trigger>>,
    /// Why it is due and not claimed by this scheduler, if that is known.
    pub(super) hindrance: Option<&'static str>,
}

impl JobNow {
    pub(super) fn new(
        record: &JobRecord,
        policies: Policies,
        trigger: Result<Arc<dyn Trigger>>,
    ) -> Self {
        Self {
            next_run_time: record.next_run_time,
            spec: None,
            policies,
            broken: None,
            no_executor: None,
            trigger,
            hindrance: None,
        }
    }

    /// Returns the pause that the job keeps. It may have ended.
    pub(super) fn pause(&self) -> Option<&Paused> {
        self.spec.as_ref()?.pause()
    }
}

/// What is known of a run time that has passed.
pub(super) struct PastFacts {
    /// The time that was asked for.
    pub(super) asked: Timestamp,
    /// The end of the span in which the run lies that this time stands for.
    pub(super) end: Timestamp,
    /// The trigger of that time; `None` if it is not recorded.
    pub(super) trigger: Option<Result<Arc<dyn Trigger>>>,
    /// The records of the latest run of that time, the latest attempt first; or that of a range.
    pub(super) records: Vec<RunRecord>,
    /// The run that stands for it.
    pub(super) stands_for: Option<RunRecord>,
    /// Whether there were too many records to read all.
    pub(super) is_cut: bool,
}

impl Facts {
    pub(super) fn past(&self, time: Timestamp) -> JobPast<'_> {
        JobPast::new(&self.changes, time, self.job.is_some())
    }

    pub(super) fn why(&self, trigger: Option<&dyn Trigger>, at: Timestamp) -> Why {
        let zone = trigger.map_or(self.zone, |trigger| trigger.zone(at));
        Why::new((&self.job_id, &self.jobstore), zone)
    }

    /// Returns the trigger that the job has now, if it can be built.
    pub(super) fn trigger_now(&self) -> Option<&Arc<dyn Trigger>> {
        self.job.as_ref()?.trigger.as_ref().ok()
    }

    /// Returns whether the trigger was another one at an earlier time, and which change replaced it.
    pub(super) fn trigger_change(&self, time: Timestamp) -> Option<&Noted> {
        let past = self.past(time);
        let is_other = matches!(past.value("trigger"), ValueThen::Recorded(_));
        past.next_change_of("trigger").filter(|_| is_other && self.job.is_some())
    }

    /// Returns which runs of the job are recorded.
    pub(super) fn history(&self) -> History {
        let level = self.level.unwrap_or(History::Off);
        self.job.as_ref().and_then(|job| job.policies.history).unwrap_or(level)
    }

    /// Returns whether it is recorded when schedulers process jobs.
    pub(super) fn knows_presence(&self) -> bool {
        self.level.is_some_and(|level| level != History::Off)
    }

    pub(super) fn name_of(&self, owner: OwnerId) -> String {
        let name = self.presence.name_of(owner);
        name.map_or_else(|| format!("the scheduler {owner}"), ToOwned::to_owned)
    }
}
