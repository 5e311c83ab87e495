//! Answers for a time that has passed.

use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::ledger::{History, Retention};
use apscheduler_core::time::Timestamp;
use apscheduler_core::trigger::Trigger;

use super::answer::{Finding, Why};
use super::evidence::{Evidence, EvidenceKind};
use super::facts::{Facts, JobNow, PastFacts};
use super::job_past::{Existence, Noted};
use super::outcome::of_record;
use super::planned::{Planned, planned};
use super::presence_spans::{Alive, End};
use super::verdict::Verdict;
use super::words::{Words, evidence_of_trigger};

/// Answers for a time that has passed: with its record, or else with what explains that there is none.
pub(super) fn answer(facts: &Facts, past: &PastFacts) -> Why {
    let trigger = past.trigger.as_ref().and_then(|trigger| trigger.as_ref().ok());
    let mut why = facts.why(trigger.map(|trigger| &**trigger), past.asked);
    why.asked = Some(past.asked);
    let times = trigger.map(|trigger| planned(&**trigger, past.asked)).transpose();
    let error = past.trigger.as_ref().and_then(|trigger| trigger.as_ref().err());
    if let Some(error) = error.or(times.as_ref().err()) {
        let text = format!("the trigger of that time can't be read: {}", error.chain());
        why.evidence.push(Evidence::new(EvidenceKind::Trigger, text));
    }
    let times = times.ok().flatten();
    let run_time = times.and_then(|times| times.at);
    if let Some(record) = past.records.first() {
        let run_time = match record.until {
            Some(_) => run_time.unwrap_or(past.asked),
            None => record.scheduled_run_time,
        };
        return of_record(why, (facts, past), record, run_time);
    }
    let words = Words { zone: why.timezone };
    let unrecorded =
        Unrecorded { facts, past, words, trigger, times, run_time: run_time.unwrap_or(past.asked) };
    unrecorded.answer(why)
}

/// A time of which there is no record.
struct Unrecorded<'a> {
    facts: &'a Facts,
    past: &'a PastFacts,
    words: Words,
    trigger: Option<&'a Arc<dyn Trigger>>,
    times: Option<Planned>,
    run_time: Timestamp,
}

impl Unrecorded<'_> {
    fn answer(&self, mut why: Why) -> Why {
        if let Some(found) = self.absent() {
            return why.found(found);
        }
        if let Some(times) = self.times.filter(|times| times.at.is_none()) {
            (why.planned_before, why.planned_after) = (times.before, times.after);
            return why.found(self.unplanned(times));
        }
        why.run_time = self.times.and_then(|times| times.at);
        let why = why.with(self.evidence_of_trigger(self.facts.trigger_change(self.run_time)));
        let found = self.paused();
        let found = found.or_else(|| self.set_later()).or_else(|| self.still_due());
        let found = found.or_else(|| self.alone());
        why.found(found.unwrap_or_else(|| self.not_recorded()))
    }

    fn evidence_of_trigger(&self, replaced: Option<&Noted>) -> Option<Evidence> {
        Some(evidence_of_trigger(&**self.trigger?, replaced.is_some()))
    }

    fn at(&self) -> String {
        self.words.time(self.run_time)
    }

    /// There was no job.
    fn absent(&self) -> Option<Finding> {
        let (verdict, did, noted) = match self.facts.past(self.run_time).existence() {
            Existence::NotYet(added) => (Verdict::NotYetAdded, "added later,", added),
            Existence::Removed(removed) => (Verdict::Removed, "removed before,", removed),
            Existence::Existed | Existence::Unknown => return None,
        };
        let (time, who) = (self.words.time(noted.time()), &noted.change.who);
        let text = format!("did not run at {}: it was {did} at {time}, by {who}", self.at());
        Some(Finding::new(verdict, text).with([self.words.change(noted)]))
    }

    /// The trigger did not fire then.
    fn unplanned(&self, times: Planned) -> Finding {
        let asked = self.words.time(self.past.asked);
        let neighbours = neighbours(self.words, times);
        let changed = self.facts.trigger_change(self.past.asked);
        let fires_now = |now: &&Arc<dyn Trigger>| {
            planned(&***now, self.past.asked).is_ok_and(|times| times.at.is_some())
        };
        let now = self.facts.trigger_now().filter(fires_now);
        let found = if let Some((changed, now)) = changed.zip(now) {
            let until = self.words.time(changed.time());
            let text = format!(
                "was not to run at {asked}: its trigger was another one until {until}, and {neighbours}"
            );
            Finding::new(Verdict::OtherTrigger, text).with([evidence_of_trigger(&**now, false)])
        } else {
            let text = format!("was not to run at {asked}: {neighbours}");
            Finding::new(Verdict::NotPlanned, text)
        };
        let found = found.with(self.evidence_of_trigger(changed));
        found.with(changed.map(|noted| self.words.change(noted)))
    }

    /// The job was paused.
    fn paused(&self) -> Option<Finding> {
        let job = self.facts.job.as_ref();
        // A job that is gone was not paused to the end.
        let has_next = job.is_none_or(|job| job.next_run_time.is_some());
        let past = self.facts.past(self.run_time);
        let pause = past.pause(job.and_then(JobNow::pause), has_next)?;
        let was = self.words.pause(pause.details.as_ref());
        let text = format!("did not run at {}: it was {was}", self.at());
        let changes = [pause.begun, pause.ended].into_iter().flatten();
        let changes = changes.map(|noted| self.words.change(noted));
        Some(Finding::new(Verdict::Paused, text).with(changes))
    }

    /// The next run time had been set to a later one.
    fn set_later(&self) -> Option<Finding> {
        let set = self.facts.past(self.run_time).next_run_time_set();
        let (noted, next) = set.filter(|(_, next)| *next >= self.past.end)?;
        let text = format!(
            "was not to run at {}: its next run time had been set to {} at {}, by {}",
            self.at(),
            self.words.time(next),
            self.words.time(noted.time()),
            noted.change.who
        );
        Some(Finding::new(Verdict::NotPlanned, text).with([self.words.change(noted)]))
    }

    /// Nobody has claimed the time yet.
    fn still_due(&self) -> Option<Finding> {
        let job = self.facts.job.as_ref()?;
        let next = job.next_run_time.filter(|next| *next < self.past.end)?;
        let since = self.words.time(next);
        let text = format!("the job is due since {since}, and nobody has claimed that yet");
        let due = Evidence::new(EvidenceKind::Job, text).span(next, None);
        let at = self.at();
        let found = if let Some(error) = &job.broken {
            let text = format!("has not run at {at}: {}", error.message());
            Finding::new(Verdict::Broken, text)
        } else if let Some(error) = &job.no_executor {
            let text = format!("has not run at {at}: {}", error.message());
            Finding::new(Verdict::NoExecutor, text)
        } else if let Some(found) = self.alone().or_else(|| self.alone_at(self.facts.now)) {
            found
        } else {
            let hindrance = job.hindrance.map(|text| format!(": {text}")).unwrap_or_default();
            let text = format!("has not run at {at} yet: it is due{hindrance}");
            Finding::new(Verdict::Due, text)
        };
        Some(found.with([due]))
    }

    /// No scheduler processed jobs at the run time.
    fn alone(&self) -> Option<Finding> {
        self.alone_at(self.run_time)
    }

    fn alone_at(&self, time: Timestamp) -> Option<Finding> {
        if !self.facts.knows_presence() {
            return None;
        }
        match self.facts.presence.at(time) {
            Alive::Processing(_) => None,
            Alive::Paused(span) => {
                let text = format!("did not run at {}: every scheduler was paused", self.at());
                Some(Finding::new(Verdict::SchedulerPaused, text).with([self.words.span(span)]))
            }
            Alive::None { before, after } => {
                // A run that is not recorded leaves no trace of its scheduler either.
                let is_certain = before.is_none_or(|before| before.end != End::LastTrace);
                if !is_certain && self.facts.history() != History::All {
                    return None;
                }
                let gap = self.words.gap(before, after);
                let text = format!("did not run at {}: {gap}", self.at());
                let spans = [before, after].into_iter().flatten();
                let spans = spans.map(|span| self.words.span(span));
                Some(Finding::new(Verdict::NoScheduler, text).with(spans))
            }
        }
    }

    /// No such record is written, or kept for so long.
    fn not_recorded(&self) -> Finding {
        let (facts, at) = (self.facts, self.at());
        let not_recorded = |reason: &str| {
            let text = format!("may have run at {at}, but that is not recorded: {reason}");
            Finding::new(Verdict::NotRecorded, text)
        };
        let succeeded = |reason: &str| {
            let text = format!("probably ran at {at} and succeeded: {reason}");
            Finding::new(Verdict::NotRecorded, text)
        };
        if self.past.is_cut {
            let text = format!(
                "may have run at {at}: its store has too many later records to search all of them"
            );
            return Finding::new(Verdict::Unknown, text);
        }
        if facts.level.is_none() {
            return not_recorded("its store keeps no records");
        }
        match facts.history() {
            History::Off => return not_recorded("its `history` is off"),
            History::Failures => return succeeded("its `history` records only failures"),
            History::All => {}
        }
        let age = (facts.now - self.run_time).to_std().unwrap_or_default();
        let Retention { ok_age, other_age, .. } = facts.retention;
        if age > other_age {
            return not_recorded(&format!("records are kept for {}", days(other_age)));
        }
        if age > ok_age {
            let reason = format!("records of runs that succeeded are kept for {}", days(ok_age));
            return succeeded(&reason);
        }
        if age < Duration::from_secs(1) {
            let text =
                format!("has no record for {at} yet: records are written a moment after a run");
            return Finding::new(Verdict::Unknown, text);
        }
        let text = format!("has no record for {at}, and nothing that is recorded tells why");
        let alive = match facts.presence.at(self.run_time) {
            Alive::Processing(span) => Some(self.words.span(span)),
            _ => None,
        };
        Finding::new(Verdict::Unknown, text).with(alive)
    }
}

fn days(age: Duration) -> String {
    format!("{} days", age.as_secs() / (24 * 60 * 60))
}

/// Returns between which times a trigger fires.
pub(super) fn neighbours(words: Words, times: Planned) -> String {
    let before = times.before.map(|before| words.time(before));
    let after = times.after.map(|after| words.time(after));
    let fires = match (before, after) {
        (Some(before), Some(after)) => format!("its trigger fires at {before} and next at {after}"),
        (Some(before), None) => format!("its trigger fires for the last time at {before}"),
        (None, Some(after)) => format!("its trigger fires for the first time at {after}"),
        (None, None) => "its trigger never fires".to_owned(),
    };
    if times.is_random { format!("{fires}, each time with a random delay") } else { fires }
}
