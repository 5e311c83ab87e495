//! What happened to a run, attempt by attempt.

use apscheduler_core::job::Overlap;
use apscheduler_core::ledger::{Reason, RunRecord, RunState};
use apscheduler_core::run::OwnerId;

use super::super::events::ProcessId;
use super::super::policies::PolicyPlan;
use super::super::time::{SECOND, since_start};

/// What happened to a run.
#[derive(Debug)]
pub(super) struct RunHistory {
    pub(super) job: String,
    pub(super) time: i64,
    /// A user asked for it: it is not planned.
    pub(super) is_asked: bool,
    /// A user has asked to cancel it.
    pub(super) is_cancelled: bool,
    /// The attempts that were claimed, in order.
    pub(super) attempts: Vec<AttemptHistory>,
}

/// What happened to an attempt that was claimed.
#[derive(Debug)]
pub(super) struct AttemptHistory {
    pub(super) process: ProcessId,
    pub(super) owner: OwnerId,
    pub(super) has_begun: bool,
    /// Whether the function succeeded, once it has ended.
    pub(super) result: Option<bool>,
    /// Who had claimed it has made it wait.
    pub(super) is_put_back: bool,
    /// It was put back at least once.
    pub(super) was_put_back: bool,
    pub(super) record: Option<RunState>,
}

impl AttemptHistory {
    fn new(process: ProcessId, owner: OwnerId, was_put_back: bool) -> Self {
        Self {
            process,
            owner,
            has_begun: false,
            result: None,
            is_put_back: false,
            was_put_back,
            record: None,
        }
    }
}

impl RunHistory {
    pub(super) fn new(job: &str, time: i64, is_asked: bool) -> Self {
        let job = job.to_owned();
        Self { job, time, is_asked, is_cancelled: false, attempts: Vec::new() }
    }

    pub(super) fn attempt(&mut self, number: u32) -> Option<&mut AttemptHistory> {
        self.attempts.get_mut((number as usize).checked_sub(1)?)
    }

    /// Returns the state in which an attempt was recorded.
    pub(super) fn record(&self, number: u32) -> Option<RunState> {
        self.attempts.get((number as usize).checked_sub(1)?)?.record
    }

    /// Notes that an attempt was claimed. Returns what is wrong with that.
    pub(super) fn claim(
        &mut self,
        number: u32,
        (process, owner): (ProcessId, OwnerId),
        policies: &PolicyPlan,
    ) -> Option<String> {
        let count = self.attempts.len();
        if number as usize == count
            && let Some(last) = self.attempts.last_mut()
        {
            if !last.is_put_back {
                let (by, now) = (last.process, process);
                return Some(format!("is claimed by p{now}, although p{by} has claimed it"));
            }
            *last = AttemptHistory::new(process, owner, true);
            return None;
        }
        if number as usize != count + 1 {
            return Some(format!("is claimed after {count} attempts"));
        }
        let wrong = if count == 0 { None } else { self.refusal(policies) };
        self.attempts.push(AttemptHistory::new(process, owner, false));
        wrong
    }

    /// Returns why no further attempt may follow.
    pub(super) fn refusal(&self, policies: &PolicyPlan) -> Option<String> {
        let states: Vec<Option<RunState>> =
            self.attempts.iter().map(|attempt| attempt.record).collect();
        let lost = states.iter().filter(|state| **state == Some(RunState::Lost)).count();
        let others = states.len() - lost;
        match states.last().copied().flatten() {
            None => Some("follows one that has no outcome".to_owned()),
            Some(RunState::Failed) => {
                let most = policies.retry.map_or(1, |retry| retry.attempts as usize);
                (others >= most)
                    .then(|| format!("follows {others} attempts that ended, of at most {most}"))
            }
            Some(RunState::Lost) => {
                let most = policies.reruns as usize;
                (lost > most).then(|| format!("follows {lost} crashes, of at most {most}"))
            }
            Some(state) => Some(format!("follows one that is {state}")),
        }
    }

    /// Returns why a record of an attempt is not true. `may_be_dropped` says whether it may be cancelled although nobody has
    /// asked for that.
    pub(super) fn untruth(
        &self,
        record: &RunRecord,
        policies: &PolicyPlan,
        grace: Option<u64>,
        may_be_dropped: bool,
    ) -> Option<String> {
        let attempt = self.attempts.get((record.attempt as usize).checked_sub(1)?)?;
        if attempt.owner != record.owner {
            return Some("by an owner that had not claimed it".to_owned());
        }
        let has_begun = attempt.has_begun;
        let cancels = policies.overlap == Overlap::CancelOther;
        let is_first = record.attempt == 1 && !self.is_asked && !attempt.was_put_back;
        let is_true = match record.state {
            RunState::Ok => attempt.result == Some(true),
            RunState::Failed => has_begun && attempt.result != Some(true),
            RunState::Lost => true,
            RunState::Missed => !has_begun && is_first && is_late(record, grace),
            RunState::Cancelled if has_begun => {
                (self.is_cancelled || cancels) && attempt.result == Some(false)
            }
            RunState::Cancelled => self.is_cancelled || cancels || may_be_dropped,
            RunState::Skipped => !has_begun && is_first && may_skip(record.reason, policies),
            _ => false,
        };
        let begun = match (has_begun, attempt.result) {
            (false, _) => "it did not begin",
            (true, None) => "it began",
            (true, Some(true)) => "it succeeded",
            (true, Some(false)) => "it failed",
        };
        let reason = record.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
        (!is_true).then(|| format!("{}{reason}, but {begun}", record.state))
    }
}

/// Returns whether a run that was missed was as late as that takes, by the clock that found it late.
fn is_late(record: &RunRecord, grace: Option<u64>) -> bool {
    let Some((grace, ended)) = grace.zip(record.ended) else { return false };
    let late = since_start(ended) - since_start(record.scheduled_run_time);
    late > (grace * SECOND).cast_signed()
}

fn may_skip(reason: Option<Reason>, policies: &PolicyPlan) -> bool {
    match policies.overlap {
        Overlap::Skip | Overlap::CancelOther => reason == Some(Reason::Overlap),
        Overlap::BufferOne | Overlap::BufferAll(_) => reason == Some(Reason::Limit),
        _ => false,
    }
}
