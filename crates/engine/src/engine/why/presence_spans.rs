//! When schedulers processed the jobs of a store, from what they recorded and from their signs of life.

use apscheduler_core::ledger::{ChangeKind, OwnerRecord, OwnerState, RunRecord, RunState};
use apscheduler_core::run::OwnerId;
use apscheduler_core::time::Timestamp;
use chrono::TimeDelta;

use super::job_past::Noted;

/// What is known of the schedulers on a store.
#[derive(Clone, Debug, Default)]
pub(super) struct Sightings {
    /// The changes that are about schedulers, the earliest first.
    pub(super) changes: Vec<Noted>,
    /// The owners that the ledger returns.
    pub(super) owners: Vec<OwnerRecord>,
    /// Records of runs: who claimed one was alive.
    pub(super) records: Vec<RunRecord>,
    /// This scheduler, if it processes the jobs of the store, or does so when it is resumed.
    pub(super) own: Option<Own>,
}

/// What this scheduler does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Own {
    pub(super) id: OwnerId,
    pub(super) doing: Doing,
    pub(super) since: Timestamp,
}

/// What a scheduler that is alive does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    Processing,
    Paused,
}

/// How the end of a span is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It lasts.
    Lasts,
    /// The scheduler recorded it: it was shut down, paused or resumed.
    Recorded(ChangeKind),
    /// The scheduler gave its last sign of life then.
    Silent,
    /// The scheduler has ended since. This is what it recorded last.
    LastTrace,
}

/// A span of time during which a scheduler was alive.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Span {
    pub(super) owner: OwnerId,
    /// The program, its host and its process; `None` if that is not recorded.
    pub(super) name: Option<String>,
    pub(super) doing: Doing,
    pub(super) from: Timestamp,
    /// Its end; if it lasts, the last sign of life.
    pub(super) until: Timestamp,
    pub(super) end: End,
}

/// Whether a scheduler processed the jobs of the store at some time.
#[derive(Debug, PartialEq)]
pub(super) enum Alive<'a> {
    Processing(&'a Span),
    Paused(&'a Span),
    /// None did. The spans before and after that time.
    None {
        before: Option<&'a Span>,
        after: Option<&'a Span>,
    },
}

/// The spans during which schedulers were alive, by their begin.
#[derive(Clone, Debug, Default)]
pub(super) struct PresenceSpans(pub(super) Vec<Span>);

impl Sightings {
    /// Returns the last instant at which an owner is known to have been alive, and how that is known.
    fn end_of(&self, owner: OwnerId, from: Timestamp, now: Timestamp) -> (Timestamp, End) {
        if self.own.is_some_and(|own| own.id == owner) {
            return (now, End::Lasts);
        }
        match self.owners.iter().find(|record| record.owner.id == owner) {
            Some(record) if is_fresh(record, now) => (record.heartbeat.max(from), End::Lasts),
            Some(record) => (record.heartbeat.max(from), End::Silent),
            // A ledger without owners ends with its process: nobody can tell.
            None if !self.knows_owners() => (now, End::Lasts),
            None => (self.last_trace(owner).map_or(from, |last| last.max(from)), End::LastTrace),
        }
    }

    /// Returns whether the ledger knows which schedulers are alive.
    fn knows_owners(&self) -> bool {
        self.own.is_none_or(|own| self.owners.iter().any(|record| record.owner.id == own.id))
    }

    fn last_trace(&self, owner: OwnerId) -> Option<Timestamp> {
        let changes = self.changes.iter().filter(|noted| noted.record.owner == owner);
        let traces = self.records.iter().filter(|record| record.owner == owner).filter_map(traces);
        changes.map(Noted::time).chain(traces.map(|(_, last)| last)).max()
    }

    fn name_of(&self, owner: OwnerId) -> Option<String> {
        let noted = self.changes.iter().find(|noted| noted.record.owner == owner);
        let known = || self.owners.iter().find(|record| record.owner.id == owner);
        noted.map(|noted| program_of(&noted.change.who)).or_else(|| {
            let owner = &known()?.owner;
            Some(format!("{}@{}({})", owner.name, owner.host, owner.pid))
        })
    }

    /// Returns the spans during which schedulers were alive.
    pub(super) fn spans(&self, now: Timestamp) -> PresenceSpans {
        let mut owners: Vec<OwnerId> = Vec::new();
        let runs = self.records.iter().filter(|record| traces(record).is_some());
        let seen = self.changes.iter().map(|noted| noted.record.owner);
        for owner in seen.chain(runs.map(|record| record.owner)).chain(self.own.map(|own| own.id)) {
            if !owners.contains(&owner) {
                owners.push(owner);
            }
        }
        let mut spans: Vec<Span> = Vec::new();
        for owner in owners {
            self.add_spans(owner, now, &mut spans);
        }
        spans.sort_by_key(|span| span.from);
        PresenceSpans(spans)
    }

    fn add_spans(&self, owner: OwnerId, now: Timestamp, spans: &mut Vec<Span>) {
        let name = self.name_of(owner);
        let span =
            |doing, from, (until, end)| Span { owner, name: name.clone(), doing, from, until, end };
        let of_owner = self.records.iter().filter(|record| record.owner == owner);
        let first_trace = of_owner.filter_map(traces).map(|(first, _)| first).min();
        // An owner that was found dead continues as another one, which records no start.
        let mut open = first_trace.map(|first| (Doing::Processing, first));
        for noted in self.changes.iter().filter(|noted| noted.record.owner == owner) {
            let (what, time) = (noted.change.what, noted.time());
            // What ends without a begin began before the records that are kept.
            let ends = matches!(what, ChangeKind::SchedulerStopped | ChangeKind::SchedulerPaused);
            if let Some((doing, from)) = open.take().filter(|(_, from)| ends || *from < time) {
                spans.push(span(doing, from, (time, End::Recorded(what))));
            }
            open = match what {
                ChangeKind::SchedulerPaused => Some((Doing::Paused, time)),
                ChangeKind::SchedulerStopped => None,
                _ => Some((Doing::Processing, time)),
            };
        }
        let own = self.own.filter(|own| own.id == owner).map(|own| (own.doing, own.since));
        // What this scheduler does is known, whatever is recorded.
        let open = match (open, own) {
            (Some((doing, from)), Some((own, _))) if doing == own => Some((doing, from)),
            (_, Some(own)) => Some(own),
            (open, None) => open,
        };
        if let Some((doing, from)) = open {
            spans.push(span(doing, from, self.end_of(owner, from, now)));
        }
    }
}

/// Returns whether the last sign of life of an owner is not older than its lease. This compares the clock of the backend with
/// ours, which is good enough to tell people.
pub(super) fn is_fresh(owner: &OwnerRecord, now: Timestamp) -> bool {
    let lease = TimeDelta::from_std(owner.lease).unwrap_or(TimeDelta::MAX);
    owner.state == OwnerState::Alive && now.signed_duration_since(owner.heartbeat) <= lease
}

/// Returns the first and the last instant at which a record shows that the scheduler which had claimed the run was alive.
fn traces(record: &RunRecord) -> Option<(Timestamp, Timestamp)> {
    let claimed = record.claimed?;
    // Another scheduler records that a run is lost.
    let ended = record.ended.filter(|_| record.state != RunState::Lost);
    let last = [Some(claimed), record.started, ended].into_iter().flatten().max()?;
    Some((claimed, last))
}

/// Returns the program in the text that says who made a change.
fn program_of(who: &str) -> String {
    who.rsplit(" via ").next().unwrap_or(who).to_owned()
}

impl Span {
    fn contains(&self, time: Timestamp) -> bool {
        self.from <= time && (time < self.until || self.end == End::Lasts)
    }

    /// Returns whether it has not ended.
    pub(super) fn lasts(&self) -> bool {
        self.end == End::Lasts
    }

    /// Returns the name of the scheduler, or else its identifier.
    pub(super) fn name(&self) -> String {
        self.name.clone().unwrap_or_else(|| format!("the scheduler {}", self.owner))
    }
}

impl PresenceSpans {
    /// Returns whether a scheduler processed the jobs at some time.
    pub(super) fn at(&self, time: Timestamp) -> Alive<'_> {
        let is = |doing| move |span: &&Span| span.doing == doing && span.contains(time);
        if let Some(span) = self.0.iter().find(is(Doing::Processing)) {
            return Alive::Processing(span);
        }
        if let Some(span) = self.0.iter().find(is(Doing::Paused)) {
            return Alive::Paused(span);
        }
        let processing = || self.0.iter().filter(|span| span.doing == Doing::Processing);
        let before = processing().filter(|span| span.from <= time).max_by_key(|span| span.until);
        let after = processing().find(|span| span.from > time);
        Alive::None { before, after }
    }

    /// Returns whether a span of an owner is known.
    pub(super) fn has(&self, owner: OwnerId) -> bool {
        self.0.iter().any(|span| span.owner == owner)
    }

    /// Returns the name of an owner, if it is known.
    pub(super) fn name_of(&self, owner: OwnerId) -> Option<&str> {
        self.0.iter().find(|span| span.owner == owner)?.name.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use apscheduler_core::ledger::Change;
    use apscheduler_core::run::{Owner, RunId};

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn noted(owner: &Owner, second: i64, what: ChangeKind) -> Noted {
        let change =
            Change::new(format!("ada via {}@{}({})", owner.name, owner.host, owner.pid), what);
        let record = change.record("", at(second), owner.id);
        Noted { record, change }
    }

    fn heartbeat(owner: &Owner, second: i64) -> OwnerRecord {
        OwnerRecord::new(owner.clone(), OwnerState::Alive, at(second), Duration::from_secs(60))
    }

    fn run(owner: &Owner, second: i64, state: RunState) -> RunRecord {
        let record = RunRecord::new(RunId::new(at(second)), "a", at(second), owner.id, state);
        record.claimed(at(second)).started(at(second)).ended(at(second + 500))
    }

    fn owners() -> [Owner; 2] {
        [Owner::new("shop", "host1", 1), Owner::new("shop", "host2", 2)]
    }

    /// The spans as text: what, from, until, and how the end is known.
    fn text(sightings: &Sightings, now: i64) -> Vec<String> {
        let spans = sightings.spans(at(now));
        let second = |time: Timestamp| time.timestamp();
        let text = |span: &Span| {
            format!("{:?} {}-{} {:?}", span.doing, second(span.from), second(span.until), span.end)
        };
        spans.0.iter().map(text).collect()
    }

    #[test]
    fn spans_follow_starts_pauses_and_shutdowns() {
        let [one, _] = owners();
        let changes = [
            (10, ChangeKind::SchedulerStarted),
            (20, ChangeKind::SchedulerPaused),
            (30, ChangeKind::SchedulerResumed),
            (40, ChangeKind::SchedulerStopped),
        ];
        let changes = changes.map(|(second, what)| noted(&one, second, what)).to_vec();
        let sightings = Sightings { changes, ..Sightings::default() };
        assert_eq!(
            text(&sightings, 100),
            [
                "Processing 10-20 Recorded(SchedulerPaused)",
                "Paused 20-30 Recorded(SchedulerResumed)",
                "Processing 30-40 Recorded(SchedulerStopped)",
            ]
        );
        let spans = sightings.spans(at(100));
        assert!(matches!(spans.at(at(10)), Alive::Processing(_)));
        assert!(matches!(spans.at(at(25)), Alive::Paused(_)));
        assert!(matches!(spans.at(at(40)), Alive::None { before: Some(_), after: None }));
        assert!(matches!(spans.at(at(5)), Alive::None { before: None, after: Some(_) }));
        assert_eq!(spans.name_of(one.id), Some("shop@host1(1)"));
    }

    #[test]
    fn an_owner_that_died_ended_at_its_last_heartbeat() {
        let [one, two] = owners();
        let changes = vec![
            noted(&one, 10, ChangeKind::SchedulerStarted),
            noted(&two, 500, ChangeKind::SchedulerStarted),
        ];
        let owners = vec![heartbeat(&one, 300), heartbeat(&two, 990)];
        let sightings = Sightings { changes, owners, ..Sightings::default() };
        assert_eq!(
            text(&sightings, 1000),
            ["Processing 10-300 Silent", "Processing 500-990 Lasts"]
        );
        let spans = sightings.spans(at(1000));
        let Alive::None { before, after } = spans.at(at(400)) else { panic!("{spans:?}") };
        assert_eq!((before.unwrap().until, after.unwrap().from), (at(300), at(500)));
    }

    #[test]
    fn an_owner_that_was_forgotten_ended_after_its_last_trace() {
        let [one, _] = owners();
        let changes = vec![noted(&one, 10, ChangeKind::SchedulerStarted)];
        let records = vec![run(&one, 100, RunState::Ok), run(&one, 700, RunState::Lost)];
        let sightings = Sightings { changes, records, ..Sightings::default() };
        assert_eq!(text(&sightings, 9000), ["Processing 10-700 LastTrace"]);
    }

    #[test]
    fn runs_show_who_was_alive_without_a_recorded_start() {
        let [one, two] = owners();
        let changes = vec![noted(&one, 800, ChangeKind::SchedulerStopped)];
        let mut skipped = run(&two, 50, RunState::Skipped);
        // A program that resumed a job recorded it, and processed nothing.
        skipped.claimed = None;
        let records = vec![run(&one, 100, RunState::Ok), skipped];
        let sightings = Sightings { changes, records, ..Sightings::default() };
        assert_eq!(text(&sightings, 9000), ["Processing 100-800 Recorded(SchedulerStopped)"]);
    }

    #[test]
    fn this_scheduler_is_alive() {
        let [one, _] = owners();
        let changes = vec![noted(&one, 10, ChangeKind::SchedulerStarted)];
        let own = |doing| Some(Own { id: one.id, doing, since: at(900) });
        let unrecorded = Sightings { own: own(Doing::Paused), ..Sightings::default() };
        assert_eq!(text(&unrecorded, 1000), ["Paused 900-1000 Lasts"]);
        let own = own(Doing::Processing);
        let sightings = Sightings { changes, own, ..Sightings::default() };
        assert_eq!(text(&sightings, 1000), ["Processing 10-1000 Lasts"]);
    }
}
