//! Answers with the record of a run, or of run times that did not run.

use apscheduler_core::ledger::{Reason, RunRecord, RunState};
use apscheduler_core::time::Timestamp;

use super::answer::{Finding, Why};
use super::facts::{Facts, PastFacts};
use super::presence_spans::Alive;
use super::verdict::Verdict;
use super::words::{Words, length, why_skipped};

/// Answers with the record of a run time.
pub(super) fn of_record(
    why: Why,
    (facts, past): (&Facts, &PastFacts),
    record: &RunRecord,
    run_time: Timestamp,
) -> Why {
    let words = Words { zone: why.timezone };
    let outcome = Outcome { facts, past, words, record, run_time, at: words.time(run_time) };
    let verdict = match (record.state, record.reason) {
        (RunState::Skipped, Some(Reason::Paused)) => Verdict::Paused,
        (state, _) => Verdict::of(state),
    };
    let presence = facts.presence.at(run_time);
    let is_late = facts.knows_presence() && !matches!(presence, Alive::Processing(_));
    let mut why = why.found(Finding::new(verdict, outcome.sentence()));
    why.run_time = Some(run_time);
    why.run_id = Some(record.run_id);
    (why.state, why.reason) = (Some(record.state), record.reason);
    why.owner = record.claimed.map(|_| record.owner);
    why = why.with(past.records.iter().rev().map(|record| words.record(record)));
    if record.state == RunState::Coalesced {
        why = why.with(past.stands_for.iter().map(|record| words.record(record)));
    }
    if is_late && record.reason != Some(Reason::Paused) {
        why = outcome.with_presence(why, run_time);
    }
    why
}

struct Outcome<'a> {
    facts: &'a Facts,
    past: &'a PastFacts,
    words: Words,
    record: &'a RunRecord,
    run_time: Timestamp,
    /// The run time in words.
    at: String,
}

impl Outcome<'_> {
    fn sentence(&self) -> String {
        let Self { record, at, .. } = self;
        match record.state {
            RunState::Ok => format!("ran at {} and succeeded{}", self.begun(), self.attempt()),
            RunState::Failed => {
                format!("ran at {} and failed{}{}", self.begun(), self.attempt(), self.error())
            }
            RunState::TimedOut => {
                format!("ran at {} and was ended at its timeout{}", self.begun(), self.attempt())
            }
            RunState::Cancelled if record.started.is_some() => {
                format!("ran at {} and was cancelled while it ran", self.begun())
            }
            RunState::Cancelled => {
                format!("did not run at {at}: the run was cancelled before it began")
            }
            RunState::Lost => self.lost(),
            RunState::Claimed => self.claimed(),
            RunState::Running => self.running(),
            RunState::Waiting => self.waiting(),
            RunState::Missed => format!("did not run at {at}: {}", self.missed()),
            RunState::Coalesced => self.coalesced(),
            _ => format!("did not run at {at}: {}", self.skipped()),
        }
    }

    fn begun(&self) -> String {
        let started = self.record.started.map(|started| self.words.time(started));
        match (started, self.record.duration) {
            (Some(started), Some(duration)) if started == self.at => {
                format!("{started}, for {},", length(duration))
            }
            (Some(started), duration) if started != self.at => {
                let took = duration.map(|took| format!(", for {}", length(took)));
                format!("{started} for its run time {}{},", self.at, took.unwrap_or_default())
            }
            _ => self.at.clone(),
        }
    }

    fn attempt(&self) -> String {
        match self.record.attempt {
            0 | 1 => String::new(),
            attempt => format!(" at attempt {attempt}"),
        }
    }

    fn error(&self) -> String {
        let error = self.record.error.as_deref().and_then(|error| error.lines().next());
        error.map(|error| format!(": {error}")).unwrap_or_default()
    }

    fn claimer(&self) -> String {
        self.facts.name_of(self.record.owner)
    }

    fn lost(&self) -> String {
        let late = self.record.late.map(|state| format!("; it told later that the run is {state}"));
        format!(
            "was to run at {}, and nobody knows how that ended: {}, which had claimed the run, died or was shut down before \
             it ended{}",
            self.at,
            self.claimer(),
            late.unwrap_or_default()
        )
    }

    fn running(&self) -> String {
        let since = self.record.started.map(|time| format!(" since {}", self.words.time(time)));
        let attempt = self.attempt();
        format!(
            "has been running{} for its run time {}{attempt}",
            since.unwrap_or_default(),
            self.at
        )
    }

    fn claimed(&self) -> String {
        let claimed = self.record.claimed.map(|time| format!(" at {}", self.words.time(time)));
        let spans = &self.facts.presence.0;
        let last = spans.iter().rfind(|span| span.owner == self.record.owner);
        let after = match last.filter(|span| !span.lasts()) {
            Some(last) => format!(
                "which has not been seen since {}: another scheduler will record the run as lost",
                self.words.time(last.until)
            ),
            None => "and has not ended: it waits for a worker, or runs".to_owned(),
        };
        format!(
            "runs for its run time {}: the run was claimed{} by {}, {after}",
            self.at,
            claimed.unwrap_or_default(),
            self.claimer()
        )
    }

    fn waiting(&self) -> String {
        let row = self.facts.open.iter().find(|row| row.run_id == self.record.run_id);
        let due =
            row.and_then(|row| row.due).map(|due| format!(", due at {}", self.words.time(due)));
        let due = due.unwrap_or_default();
        match self.record.attempt {
            0 | 1 => format!(
                "has not run at {} yet: the run waits until a scheduler claims it{due}",
                self.at
            ),
            attempt => format!(
                "has not finished its run of {}: it waits for attempt {attempt}{due}",
                self.at
            ),
        }
    }

    fn grace(&self) -> String {
        let spec = self.facts.job.as_ref().and_then(|job| job.spec.as_ref());
        match spec.and_then(|spec| spec.misfire_grace_time()) {
            Some(grace) => format!("its `misfire_grace_time` of {} s", grace.as_secs()),
            None => "its `misfire_grace_time`".to_owned(),
        }
    }

    fn missed(&self) -> String {
        let Self { record, words, .. } = self;
        let late = record.ended.filter(|ended| *ended > record.scheduled_run_time);
        let start = late.map(|ended| format!(" at {}", words.time(ended))).unwrap_or_default();
        let grace = self.grace();
        if let Some(cause) = self.absence() {
            return format!(
                "{cause}, and the run would have started{start}, later than {grace} allows"
            );
        }
        format!("it would have started{start}, later than {grace} allows")
    }

    fn coalesced(&self) -> String {
        let by = match &self.past.stands_for {
            Some(run) => format!(
                "its run for {} stands for it: {}",
                self.words.time(run.scheduled_run_time),
                run.state
            ),
            None => "another of its runs that was due as well stands for it".to_owned(),
        };
        match self.absence() {
            Some(cause) => format!("did not run at {}: {cause}, and {by}", self.at),
            None => format!("did not run at {}, because {by}", self.at),
        }
    }

    /// Returns why no scheduler processed jobs at the run time, if that is so.
    fn absence(&self) -> Option<String> {
        let is_all_down = self.record.reason == Some(Reason::AllDown);
        let cause = match self.facts.presence.at(self.run_time) {
            Alive::None { before: Some(before), after } => self.words.gap(Some(before), after),
            Alive::Paused(_) => "every scheduler was paused".to_owned(),
            _ if is_all_down => "no scheduler was running, or it was paused".to_owned(),
            _ => return None,
        };
        (is_all_down || self.facts.knows_presence()).then_some(cause)
    }

    fn skipped(&self) -> String {
        let spec = self.facts.job.as_ref().and_then(|job| job.spec.as_ref());
        why_skipped(self.record.reason, spec.map(|spec| spec.max_instances()))
    }

    fn with_presence(&self, why: Why, run_time: Timestamp) -> Why {
        match self.facts.presence.at(run_time) {
            Alive::Processing(span) | Alive::Paused(span) => why.with([self.words.span(span)]),
            Alive::None { before, after } => {
                why.with([before, after].into_iter().flatten().map(|span| self.words.span(span)))
            }
        }
    }
}
