//! The schedule of a job: which run times were claimed, held back by a pause, or are left.

use apscheduler_core::job::{Coalesce, Overlap};
use apscheduler_core::ledger::{Reason, Skipped};
use apscheduler_core::store::{ClaimOutcome, NextRun};
use apscheduler_core::time::Timestamp;

use super::super::events::ProcessId;
use super::super::job_plan::JobPlan;
use super::super::time::{Seconds, since_start};

/// The most run times of one claim.
const MAX_CLAIM: usize = 1000;

/// The schedule of a job.
#[derive(Debug)]
pub(super) struct Schedule {
    pub(super) plan: JobPlan,
    /// Its run times, in microseconds since the start.
    pub(super) planned: Vec<i64>,
    /// How many of them were claimed, left out because another one stands for them, or held back.
    pub(super) taken: usize,
    /// How often each of them was taken: more than once only if the job was resumed by a clock that was behind.
    pub(super) times_taken: Vec<u32>,
    /// What pauses have held back.
    pub(super) held_back: Vec<HeldBack>,
    /// It has no next run time.
    is_paused: bool,
    /// The store has it no more.
    pub(super) is_gone: bool,
}

/// Run times in a row that a pause has held back.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeldBack {
    /// Who has to record them.
    pub(super) process: ProcessId,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) count: u64,
    /// Whoever has to record them knows it.
    pub(super) is_answered: bool,
    pub(super) is_recorded: bool,
}

impl JobPlan {
    /// Returns all run times, by arithmetic.
    fn planned(&self) -> Vec<i64> {
        let (start, end) = (self.start.cast_signed(), self.end.cast_signed());
        let Some(interval) = self.interval else { return vec![start] };
        let count = (end - start) / interval.cast_signed();
        (0..=count).map(|number| start + number * interval.cast_signed()).collect()
    }
}

impl Schedule {
    pub(super) fn of(plan: &JobPlan) -> Self {
        let planned = plan.planned();
        Self {
            plan: plan.clone(),
            times_taken: vec![0; planned.len()],
            planned,
            taken: 0,
            held_back: Vec::new(),
            is_paused: false,
            is_gone: false,
        }
    }

    /// Returns whether its runs begin one after the other.
    pub(super) fn runs_in_order(&self) -> bool {
        let was_repeated = self.times_taken.iter().any(|count| *count > 1);
        self.plan.max_instances == 1
            && self.plan.policies.overlap != Overlap::Allow
            && !was_repeated
    }

    /// Takes what was claimed at `now`, the time of day of the process. Returns what is wrong with it.
    pub(super) fn claim(&mut self, outcome: &ClaimOutcome, now: Timestamp) -> Option<String> {
        let now = since_start(now);
        let rest = &self.planned[self.taken..];
        let due = rest.iter().take_while(|time| **time <= now).count();
        let due = &rest[..due.min(MAX_CLAIM)];
        let (runs, skipped) = self.expected(due);
        let times: Vec<i64> =
            outcome.run_times.as_slice().iter().map(|time| since_start(*time)).collect();
        if times != runs || due.is_empty() {
            return Some(format!("is claimed for {}, but {} is due", list(&times), list(runs)));
        }
        if let Some(wrong) = wrong_range(outcome.skipped.as_ref(), skipped) {
            return Some(wrong);
        }
        let count = due.len();
        self.take(count);
        let next = match outcome.next {
            NextRun::At(time) => Some(since_start(time)),
            NextRun::Finished => None,
        };
        self.is_gone = next.is_none();
        let planned = self.planned.get(self.taken).copied();
        (next != planned).then(|| match next {
            Some(next) => format!("is to run at {}, which is not next", Seconds(next)),
            None => "has finished too early".to_owned(),
        })
    }

    /// Returns which of the run times that are due are to run, and which are not.
    fn expected<'a>(&self, due: &'a [i64]) -> (&'a [i64], Option<(&'a [i64], Reason)>) {
        let last = due.len().saturating_sub(1);
        let limit = self.plan.policies.catchup_limit.map_or(usize::MAX, |limit| limit as usize);
        let (runs, rest, reason) = match self.plan.coalesce {
            Coalesce::All => {
                let (rest, runs) = due.split_at(due.len().saturating_sub(limit));
                (runs, rest, Reason::CatchUpLimit)
            }
            Coalesce::Earliest => {
                let (runs, rest) = due.split_at(due.len().min(1));
                (runs, rest, Reason::Coalesced)
            }
            _ => (&due[last..], &due[..last], Reason::Coalesced),
        };
        (runs, (!rest.is_empty()).then_some((rest, reason)))
    }

    fn take(&mut self, count: usize) {
        let end = self.taken + count;
        self.times_taken[self.taken..end].iter_mut().for_each(|taken| *taken += 1);
        self.taken = end;
    }

    /// The job has another next run time, because it was paused or resumed. Returns what is wrong with it.
    pub(super) fn moved(&mut self, process: ProcessId, next: Option<Timestamp>) -> Option<String> {
        self.is_paused = next.is_none();
        let next = since_start(next?);
        let first = self.planned.get(self.taken).copied();
        // The end of a pause may stand for what the pause holds back.
        if first == Some(next) || self.plan.policies.catches_up {
            return None;
        }
        let Some(place) = self.planned.iter().position(|planned| *planned == next) else {
            return Some(format!("is moved to {}, which is not planned", Seconds(next)));
        };
        match place.checked_sub(self.taken) {
            Some(count) => self.hold_back(process, count),
            // The clock of the process is behind.
            None => self.taken = place,
        }
        None
    }

    /// The job was removed, because it was resumed and its schedule has ended.
    pub(super) fn removed(&mut self, process: ProcessId) {
        self.is_gone = true;
        self.hold_back(process, self.planned.len() - self.taken);
    }

    fn hold_back(&mut self, process: ProcessId, count: usize) {
        let range = &self.planned[self.taken..self.taken + count];
        if let [first, .., last] | [first @ last] = range {
            let (first, last) = (*first, *last);
            let count = count as u64;
            let (is_answered, is_recorded) = (false, false);
            self.held_back.push(HeldBack { process, first, last, count, is_answered, is_recorded });
        }
        self.take(count);
    }

    /// A process knows that the job has another next run time.
    pub(super) fn answered(&mut self, process: ProcessId) {
        let here = self.held_back.iter_mut().filter(|held| held.process == process);
        here.for_each(|held| held.is_answered = true);
    }

    /// Notes the record of run times that a pause has held back. Returns whether there are such.
    pub(super) fn record_held_back(&mut self, first: i64, last: i64, count: u64) -> bool {
        let is_this = |held: &&mut HeldBack| {
            (held.first, held.last, held.count, held.is_recorded) == (first, last, count, false)
        };
        if let Some(held) = self.held_back.iter_mut().find(is_this) {
            held.is_recorded = true;
            return true;
        }
        // It was resumed after its schedule had ended, so it has no next run time still, and is removed soon.
        let left = &self.planned[self.taken..];
        let ends = self.is_paused && left.len() as u64 == count;
        if !ends || left.first() != Some(&first) || left.last() != Some(&last) {
            return false;
        }
        self.take(left.len());
        true
    }
}

/// Compares the run times that a claim takes without running them with those that it should take.
fn wrong_range(found: Option<&Skipped>, expected: Option<(&[i64], Reason)>) -> Option<String> {
    let found = found.map(|skipped| {
        let (first, last) = (since_start(skipped.first), since_start(skipped.last));
        (first, last, skipped.count, skipped.reason)
    });
    let expected = expected.map(|(times, reason)| {
        let (first, last) = (times[0], times[times.len() - 1]);
        (first, last, times.len() as u64, reason)
    });
    let name = |range: Option<(i64, i64, u64, Reason)>| {
        range.map_or("nothing".to_owned(), |(first, last, count, reason)| {
            format!("{count} from {} to {} as {reason}", Seconds(first), Seconds(last))
        })
    };
    (found != expected).then(|| format!("leaves out {}, not {}", name(found), name(expected)))
}

fn list(times: &[i64]) -> String {
    let times: Vec<String> = times.iter().map(|time| Seconds(*time).to_string()).collect();
    if times.is_empty() { "nothing".to_owned() } else { times.join(", ") }
}
