//! Answers for the next fire, and for a time that lies ahead.

use apscheduler_core::job::Paused;
use apscheduler_core::ledger::OpenState;
use apscheduler_core::time::Timestamp;
use apscheduler_core::trigger::{After, AfterOn};

use super::answer::{Finding, Why};
use super::evidence::{Evidence, EvidenceKind};
use super::facts::{Facts, JobNow};
use super::job_past::Existence;
use super::past::neighbours;
use super::planned::{end_of, planned};
use super::presence_spans::{Alive, Doing, is_fresh};
use super::verdict::Verdict;
use super::words::{Words, evidence_of_trigger};

/// Answers for the next fire; with `asked`, for a time that lies ahead.
pub(super) fn answer(facts: &Facts, asked: Option<Timestamp>) -> Why {
    let next = facts.job.as_ref().and_then(|job| job.next_run_time);
    let trigger = facts.trigger_now().map(|trigger| &**trigger);
    let mut why = facts.why(trigger, asked.or(next).unwrap_or(facts.now));
    why.asked = asked;
    let words = Words { zone: why.timezone };
    let Some(job) = &facts.job else { return why.found(absent(facts, words)) };
    let ahead = Ahead { facts, job, words };
    let why = why.with(trigger.map(|trigger| evidence_of_trigger(trigger, false)));
    match asked {
        Some(asked) => ahead.at(why, asked),
        None => ahead.next(why),
    }
}

/// The store has the job no more.
fn absent(facts: &Facts, words: Words) -> Finding {
    if let Existence::Removed(noted) = facts.past(facts.now).existence() {
        let (time, who) = (words.time(noted.time()), &noted.change.who);
        let text = format!("does not run any more: it was removed at {time}, by {who}");
        return Finding::new(Verdict::Removed, text).with([words.change(noted)]);
    }
    let text = "does not run any more: its store has no such job. A job is removed when it has run for the last time";
    let last = facts.changes.last().map(|noted| words.change(noted));
    Finding::new(Verdict::Finished, text).with(last)
}

struct Ahead<'a> {
    facts: &'a Facts,
    job: &'a JobNow,
    words: Words,
}

impl Ahead<'_> {
    /// Answers for the next fire.
    fn next(&self, mut why: Why) -> Why {
        why.run_time = self.job.next_run_time;
        let Some(next) = self.job.next_run_time else { return why.found(self.held()) };
        if let Some(pause) = self.pause() {
            let next = self.words.time(next);
            let text = format!("is {}; it runs next at {next}", self.words.pause(Some(pause)));
            return why.found(self.with_begin(Finding::new(Verdict::Paused, text)));
        }
        why.found(self.obstructed(next))
    }

    /// Answers for a time that lies ahead.
    fn at(&self, mut why: Why, asked: Timestamp) -> Why {
        let run_time = match self.planned(asked) {
            Ok(run_time) => run_time,
            Err((found, neighbours)) => {
                (why.planned_before, why.planned_after) = neighbours;
                return why.found(found);
            }
        };
        let pause = self.pause().filter(|pause| pause.covers(run_time));
        if let Some(next) =
            self.job.next_run_time.filter(|next| run_time < *next && pause.is_none())
        {
            let (at, next) = (self.words.time(run_time), self.words.time(next));
            let text = format!("is not to run at {at}: its next run time is {next}");
            return why.found(Finding::new(Verdict::NotPlanned, text));
        }
        why.run_time = Some(run_time);
        if self.job.next_run_time.is_none() {
            why.found(self.held())
        } else if pause.is_some() {
            let text = format!("is {}", self.words.pause(pause));
            why.found(self.with_begin(Finding::new(Verdict::Paused, text)))
        } else {
            why.found(self.obstructed(run_time))
        }
    }

    /// Returns the pause that lasts.
    fn pause(&self) -> Option<&Paused> {
        self.job.pause().filter(|pause| !pause.is_over(self.facts.now))
    }

    /// The job has no next run time.
    fn held(&self) -> Finding {
        let follows = self.facts.trigger_now().map(|trigger| trigger.follows()).unwrap_or_default();
        let text = match self.pause() {
            Some(pause) => format!("is {}", self.words.pause(Some(pause))),
            None if !follows.is_empty() => return self.follower(&follows),
            None => "is paused: it has no next run time".to_owned(),
        };
        self.with_begin(Finding::new(Verdict::Paused, text))
    }

    /// The job runs when runs of others end.
    fn follower(&self, follows: &[After]) -> Finding {
        let wanted = |after: &After| match after.on {
            AfterOn::Ok => format!("`{}` succeeds", after.job),
            AfterOn::Failed => format!("`{}` fails for good", after.job),
            AfterOn::Any => format!("`{}` ends", after.job),
        };
        let wanted: Vec<String> = follows.iter().map(wanted).collect();
        let when = format!("runs when a run of {}", wanted.join(", or one of "));
        if let Some(found) = self.alone(&when) {
            return found;
        }
        Finding::new(Verdict::AfterOthers, when).with(self.waiting())
    }

    /// Adds the change with which a pause began.
    fn with_begin(&self, found: Finding) -> Finding {
        let past = self.facts.past(self.facts.now);
        let begun = past.pause(self.job.pause(), false).and_then(|pause| pause.begun);
        found.with(begun.map(|noted| self.words.change(noted)))
    }

    /// Returns the run time that is asked for; or what was found instead, and the fire times before and after.
    fn planned(&self, asked: Timestamp) -> Result<Timestamp, NotPlanned> {
        let next = self.job.next_run_time;
        if let Some(next) = next.filter(|next| (asked..end_of(asked)).contains(next)) {
            return Ok(next);
        }
        let at = self.words.time(asked);
        let unreadable = |error: &apscheduler_core::Error| {
            let text = format!("may run at {at}: its trigger can't be read: {}", error.chain());
            (Finding::new(Verdict::Unknown, text), (None, None))
        };
        let trigger = self.job.trigger.as_ref().map_err(unreadable)?;
        let times = planned(&**trigger, asked).map_err(|error| unreadable(&error))?;
        if let Some(next) = next.filter(|next| (asked..times.end_of(asked)).contains(next)) {
            return Ok(next);
        }
        times.at.ok_or_else(|| {
            let text = format!("is not to run at {at}: {}", neighbours(self.words, times));
            (Finding::new(Verdict::NotPlanned, text), (times.before, times.after))
        })
    }

    /// What stands in the way of a run time that is planned.
    fn obstructed(&self, run_time: Timestamp) -> Finding {
        let job = self.job;
        let at = self.words.time(run_time);
        let is_due = run_time <= self.facts.now;
        let when = if is_due { format!("is due since {at}") } else { format!("is to run at {at}") };
        if let Some(error) = &job.broken {
            let text = format!("{when}, but this program can't restore it: {}", error.message());
            return Finding::new(Verdict::Broken, text);
        }
        if let Some(error) = &job.no_executor {
            return Finding::new(Verdict::NoExecutor, format!("{when}, but {}", error.message()));
        }
        if let Some(found) = self.alone(&when) {
            return found;
        }
        let found = if is_due {
            let hindrance = job.hindrance.unwrap_or("no scheduler has claimed it yet");
            Finding::new(Verdict::Due, format!("{when}: {hindrance}"))
        } else {
            Finding::new(Verdict::WillRun, when)
        };
        let alive = match self.facts.presence.at(self.facts.now) {
            Alive::Processing(span) => Some(self.words.span(span)),
            _ => None,
        };
        found.with(alive).with(self.waiting()).with(self.running(run_time))
    }

    /// No scheduler processes the jobs of the store at present.
    fn alone(&self, when: &str) -> Option<Finding> {
        let now = self.facts.now;
        let is_any_alive = || self.facts.unplaced.iter().any(|owner| is_fresh(owner, now));
        match self.facts.presence.at(self.facts.now) {
            Alive::Processing(_) => None,
            Alive::Paused(span) => {
                let name = span.name();
                let text =
                    format!("{when}, but {name} is paused, and no other scheduler is running");
                Some(Finding::new(Verdict::SchedulerPaused, text).with([self.words.span(span)]))
            }
            // Without records of starts, a scheduler that is alive may process jobs.
            Alive::None { .. } if !self.facts.knows_presence() && is_any_alive() => None,
            Alive::None { before, .. } => {
                let text = format!("{when}, but {}", self.words.gap(before, None));
                let spans = &self.facts.presence.0;
                let processing = spans.iter().filter(|span| span.doing == Doing::Processing);
                let last = processing.max_by_key(|span| span.until);
                let last = last.map(|span| self.words.span(span));
                let unplaced = self.facts.unplaced.iter();
                let unplaced =
                    unplaced.map(|owner| self.words.unplaced(owner, is_fresh(owner, now)));
                Some(Finding::new(Verdict::NoScheduler, text).with(last).with(unplaced))
            }
        }
    }

    /// The runs of the job that wait in the ledger.
    fn waiting(&self) -> impl Iterator<Item = Evidence> {
        let waiting = self.facts.open.iter().filter(|run| run.state == OpenState::Waiting);
        waiting.map(|run| {
            let (time, attempt) = (self.words.time(run.scheduled_run_time), run.attempt);
            let event = match run.due {
                Some(due) => format!("attempt {attempt}, due at {}", self.words.time(due)),
                None => "the end of another one".to_owned(),
            };
            let text = format!("the run {} of {time} waits for {event}", run.run_id);
            let evidence = Evidence::new(EvidenceKind::Record, text);
            evidence.span(run.scheduled_run_time, None).owner(run.owner)
        })
    }

    /// The runs of the job that are open, and whether they are as many as may be.
    fn running(&self, run_time: Timestamp) -> Vec<Evidence> {
        let claimed = &self.facts.claimed;
        let mut evidence: Vec<Evidence> =
            claimed.iter().map(|run| self.words.record(run)).collect();
        let most = self.job.spec.as_ref().map(|spec| spec.max_instances());
        let is_ahead = run_time > self.facts.now;
        if let Some(most) = most.filter(|most| is_ahead && claimed.len() >= *most as usize) {
            let open = match claimed.len() {
                1 => "one of its runs is open".to_owned(),
                count => format!("{count} of its runs are open"),
            };
            let overlap = self.job.policies.overlap;
            let text = format!(
                "{open}, and {most} may run at once: unless one ends before, its policy `overlap` decides, which is {overlap}"
            );
            evidence.push(Evidence::new(EvidenceKind::Job, text));
        }
        evidence
    }
}

/// What was found instead of a run time, and the fire times before and after it.
type NotPlanned = (Finding, (Option<Timestamp>, Option<Timestamp>));
