//! Times, spans and records in words.

use std::time::Duration;

use apscheduler_core::job::Paused;
use apscheduler_core::ledger::{ChangeKind, OwnerRecord, Reason, RunRecord, RunState};
use apscheduler_core::time::{Timestamp, Zone};
use apscheduler_core::trigger::Trigger;

use super::evidence::{Evidence, EvidenceKind};
use super::job_past::Noted;
use super::presence_spans::{Doing, End, Span};

/// Writes times in a zone.
#[derive(Clone, Copy)]
pub(super) struct Words {
    pub(super) zone: Zone,
}

impl Words {
    pub(super) fn time(self, time: Timestamp) -> String {
        self.zone.display(time)
    }

    /// Returns when no scheduler processed jobs, such as `no scheduler was running from A until B`.
    pub(super) fn gap(self, before: Option<&Span>, after: Option<&Span>) -> String {
        match (before, after) {
            (Some(before), Some(after)) => format!(
                "no scheduler was running from {} until {}",
                self.time(before.until),
                self.time(after.from)
            ),
            (Some(before), None) => {
                format!("no scheduler has been running since {}", self.time(before.until))
            }
            (None, Some(after)) => {
                format!(
                    "no scheduler is recorded to have been running before {}",
                    self.time(after.from)
                )
            }
            (None, None) => "no scheduler is recorded to have been running on its store".to_owned(),
        }
    }

    /// Returns when a scheduler was alive.
    pub(super) fn span(self, span: &Span) -> Evidence {
        let (name, from) = (span.name(), self.time(span.from));
        let did = match span.doing {
            Doing::Processing => "processed jobs",
            Doing::Paused => "was paused",
        };
        let text = match span.end {
            End::Lasts => {
                let does = if span.doing == Doing::Paused {
                    "has been paused"
                } else {
                    "has processed jobs"
                };
                let last = self.time(span.until);
                format!("{name} {does} since {from}, and gave its last sign of life at {last}")
            }
            End::Recorded(what) => {
                let then = match what {
                    ChangeKind::SchedulerStopped => "when it was shut down",
                    ChangeKind::SchedulerPaused => "when it was paused",
                    ChangeKind::SchedulerResumed => "when it was resumed",
                    _ => "when it started again",
                };
                format!("{name} {did} from {from} until {}, {then}", self.time(span.until))
            }
            End::Silent => format!(
                "{name} {did} from {from}, and gave its last sign of life at {}",
                self.time(span.until)
            ),
            End::LastTrace => format!(
                "{name} {did} from {from}; it has ended since, and the last that it recorded is of {}",
                self.time(span.until)
            ),
        };
        let until = (span.end != End::Lasts).then_some(span.until);
        Evidence::new(EvidenceKind::Scheduler, text).span(span.from, until).owner(span.owner)
    }

    /// Returns what is known of a scheduler that has recorded nothing.
    pub(super) fn unplaced(self, owner: &OwnerRecord, is_fresh: bool) -> Evidence {
        let (name, last) = (&owner.owner, self.time(owner.heartbeat));
        let text = if is_fresh {
            format!(
                "{name} is alive, but has not recorded that it processes jobs: it only looks after them, or has just started"
            )
        } else {
            format!(
                "{name} gave its last sign of life at {last}; whether it processed jobs is not recorded"
            )
        };
        let evidence = Evidence::new(EvidenceKind::Scheduler, text).owner(owner.owner.id);
        evidence.span(owner.heartbeat, None)
    }

    /// Returns what a record says, in a few words.
    pub(super) fn record(self, record: &RunRecord) -> Evidence {
        let state = match record.reason {
            Some(reason) => format!("{} ({reason})", record.state),
            None => record.state.to_string(),
        };
        let what = match record.until {
            Some(until) => format!(
                "{} run times from {} until {}",
                record.count,
                self.time(record.scheduled_run_time),
                self.time(until)
            ),
            None => self.time(record.scheduled_run_time),
        };
        let attempt = if record.attempt > 1 {
            format!(", attempt {}", record.attempt)
        } else {
            String::new()
        };
        let claimed = record.claimed.filter(|_| record.state != RunState::Claimed);
        let claimed = claimed.map(|time| format!(", claimed at {}", self.time(time)));
        let state = match record.claimed.filter(|_| record.state == RunState::Claimed) {
            Some(time) => format!("{state} at {}", self.time(time)),
            None => state,
        };
        let claimed = claimed.unwrap_or_default();
        let text = format!("{what}: {state}{attempt}{claimed}, run {}", record.run_id);
        Evidence::of(EvidenceKind::Record, record, text)
    }

    /// Returns the pause of a job, such as `paused by ada since ... until ...: the disk is full`.
    pub(super) fn pause(self, pause: Option<&Paused>) -> String {
        let Some(pause) = pause else { return "paused".to_owned() };
        let until = pause.until.map(|until| format!(" until {}", self.time(until)));
        let note = pause.note.as_ref().map(|note| format!(": {note}"));
        let (until, note) = (until.unwrap_or_default(), note.unwrap_or_default());
        format!("paused by {} since {}{until}{note}", pause.by, self.time(pause.since))
    }

    /// Returns who changed a job, and how.
    pub(super) fn change(self, noted: &Noted) -> Evidence {
        let change = &noted.change;
        let keys = change.keys.join(", ");
        let keys = if keys.is_empty() { keys } else { format!(": {keys}") };
        let note = change.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
        let time = self.time(noted.time());
        let text = format!("{} by {} at {time}{keys}{note}", change.what, change.who);
        Evidence::of(EvidenceKind::Change, &noted.record, text)
    }
}

/// Returns which trigger a job has, or had.
pub(super) fn evidence_of_trigger(trigger: &dyn Trigger, is_replaced: bool) -> Evidence {
    let which = if is_replaced { "its trigger at that time was" } else { "its trigger is" };
    Evidence::new(EvidenceKind::Trigger, format!("{which} {trigger}"))
}

/// Returns a length of time, such as `1.5s`.
pub(super) fn length(duration: Duration) -> String {
    format!("{duration:.3?}")
}

/// Returns why a run time did not run.
pub(super) fn why_skipped(reason: Option<Reason>, max_instances: Option<u32>) -> String {
    let text = match reason {
        Some(Reason::Overlap) => {
            return match max_instances {
                Some(1) => "its run before had not ended".to_owned(),
                Some(most) => format!("it had its maximum of {most} running instances"),
                None => "it had its maximum of running instances".to_owned(),
            };
        }
        Some(Reason::Limit) => "as many of its runs were waiting as it allows",
        Some(Reason::CatchUpLimit) => "more run times were overdue than its `catchup_limit`",
        Some(Reason::Paused) => "it was paused",
        Some(Reason::Coalesced) => "another of its runs stands for it",
        Some(Reason::NoExecutor) => "no executor had its alias",
        Some(Reason::BrokenRecord) => "it could not be restored",
        Some(Reason::ClockJump) => "the clock was set forward past that time",
        Some(Reason::PoolFull) => "its executor was full",
        Some(Reason::AllDown) => "no scheduler was running, or it was paused",
        Some(Reason::Late) => "it would have started too late",
        None => "it was skipped",
        Some(other) => return format!("it was skipped: {other}"),
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use apscheduler_core::run::OwnerId;
    use chrono::TimeDelta;

    use super::*;

    const WORDS: Words = Words { zone: Zone::UTC };

    fn span(end: End) -> Span {
        let from = Timestamp::UNIX_EPOCH;
        let until = from + TimeDelta::minutes(2);
        let name = Some("shop@host1(7)".to_owned());
        Span { owner: OwnerId::random(), name, doing: Doing::Processing, from, until, end }
    }

    #[test]
    fn a_span_says_how_it_ended() {
        let text = |end| WORDS.span(&span(end)).text;
        assert_eq!(
            text(End::Lasts),
            "shop@host1(7) has processed jobs since 1970-01-01 00:00:00 UTC, and gave its last sign of life at 1970-01-01 00:02:00 UTC"
        );
        assert_eq!(
            text(End::Recorded(ChangeKind::SchedulerStopped)),
            "shop@host1(7) processed jobs from 1970-01-01 00:00:00 UTC until 1970-01-01 00:02:00 UTC, when it was shut down"
        );
        assert!(
            text(End::Silent).ends_with("gave its last sign of life at 1970-01-01 00:02:00 UTC")
        );
        assert!(WORDS.span(&span(End::Lasts)).until.is_none());
    }

    #[test]
    fn a_gap_has_one_two_or_no_ends() {
        let (before, mut after) = (span(End::Silent), span(End::Lasts));
        after.from += TimeDelta::minutes(10);
        let both = WORDS.gap(Some(&before), Some(&after));
        assert_eq!(
            both,
            "no scheduler was running from 1970-01-01 00:02:00 UTC until 1970-01-01 00:10:00 UTC"
        );
        assert!(WORDS.gap(Some(&before), None).ends_with("since 1970-01-01 00:02:00 UTC"));
        assert!(WORDS.gap(None, Some(&after)).ends_with("before 1970-01-01 00:10:00 UTC"));
        assert!(WORDS.gap(None, None).starts_with("no scheduler is recorded"));
    }
}
