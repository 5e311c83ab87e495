//! Where due jobs wait for room, so that a pass need not look at all of them again.
//!
//! An executor that is full leaves its due jobs in the store, in front of those of others. A pass that began with them each
//! time would cost what is stored. So passes remember up to where they have looked, and begin there, or where a job may
//! run now.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use hashbrown::HashMap;

use apscheduler_core::store::{ClaimCursor, TieBreaker};
use apscheduler_core::time::Timestamp;

/// After so long all that is due is looked at again: what was set aside may be restored, and a watch may miss a change.
const EXPIRES: TimeDelta = TimeDelta::seconds(60);

/// The same where others have changed the store: what they add with a run time in the past stands among what was looked at.
const EXPIRES_AFTER_CHANGES: TimeDelta = TimeDelta::seconds(10);

/// Looking at all again takes no more than one part in so many of the time.
const SHARE: u32 = 20;

/// The part of a store's due jobs that was looked at, and what waits there.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Up to here all that is due was looked at.
    until: Option<ClaimCursor>,
    /// The executors that had no room, each with a place before the first of its jobs.
    full: BTreeMap<Arc<str>, Option<ClaimCursor>>,
    /// Jobs to look at whatever their executors do: they were changed, or have caught up with a piece of their run times.
    visits: HashMap<Arc<str>, Visit>,
    since: Option<Timestamp>,
    began: Option<Instant>,
    took: Duration,
    others_changed: bool,
}

#[derive(Debug)]
struct Visit {
    /// The run time of the job.
    time: Timestamp,
    /// It was seen in this pass, and is for another.
    was_seen: bool,
}

/// What one batch found.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Executors for which jobs were left.
    pub(super) full: Vec<Arc<str>>,
    /// Jobs that were left since they catch up, and what was claimed of jobs that are due still, with their run times.
    pub(super) catching_up: Vec<(Arc<str>, Timestamp)>,
    /// The run time of the last record.
    pub(super) last: Option<Timestamp>,
}

impl Backlog {
    /// Whether nothing is remembered, so that a pass begins with the first due job.
    pub(super) fn is_empty(&self) -> bool {
        self.until.is_none()
    }

    /// Whether a place is before the end of what was looked at.
    pub(super) fn covers(&self, place: Option<&ClaimCursor>) -> bool {
        place < self.until.as_ref()
    }

    /// A pass begins.
    pub(super) fn begin(&mut self, now: Timestamp) {
        let Some(since) = self.since else { return };
        let least = if self.others_changed { EXPIRES_AFTER_CHANGES } else { EXPIRES };
        let share = TimeDelta::from_std(self.took * SHARE).unwrap_or(TimeDelta::MAX);
        let age = now - since;
        if age < TimeDelta::zero() || age >= least.max(share) {
            *self = Self::default();
        }
        self.visits.values_mut().for_each(|visit| visit.was_seen = false);
    }

    /// A pass ends.
    pub(super) fn end(&mut self) {
        if let Some(began) = self.began.take() {
            self.took = began.elapsed();
        }
        let until = self.until.as_ref().map(|until| until.next_run_time);
        self.visits.retain(|_, visit| until.is_some_and(|until| visit.time <= until));
        if self.full.is_empty() && self.visits.is_empty() {
            *self = Self::default();
        }
    }

    /// Others have changed the store.
    pub(super) fn others_changed(&mut self) {
        self.others_changed = true;
    }

    /// A job was written by this scheduler.
    pub(super) fn changed(&mut self, id: Arc<str>, time: Timestamp) {
        if self.until.as_ref().is_some_and(|until| time <= until.next_run_time) {
            self.visits.insert(id, Visit { time, was_seen: false });
        }
    }

    /// The executors for which jobs wait.
    pub(super) fn full(&self) -> impl Iterator<Item = &Arc<str>> {
        self.full.keys()
    }

    /// Where to look next, from `from` on: where a job may run now, or behind all that was looked at. `has_room` says it
    /// of an executor, `catches_up` of a job that it still does.
    pub(super) fn place(
        &self,
        from: Option<ClaimCursor>,
        has_room: impl Fn(&str) -> bool,
        catches_up: impl Fn(&Arc<str>) -> bool,
    ) -> Option<ClaimCursor> {
        let Some(until) = &self.until else { return from };
        if from.as_ref() >= Some(until) {
            return from;
        }
        let of_executors = self.full.iter().filter(|(alias, _)| has_room(alias));
        let of_executors = of_executors.map(|(_, first)| first.clone());
        let is_ahead =
            |visit: &Visit| from.as_ref().is_none_or(|from| from.next_run_time <= visit.time);
        let of_jobs = self
            .visits
            .iter()
            .filter(|(id, visit)| !visit.was_seen && is_ahead(visit) && !catches_up(id));
        let of_jobs = of_jobs.map(|(_, visit)| Some(before(visit.time, until)));
        let first = of_executors.chain(of_jobs).min().unwrap_or_else(|| Some(until.clone()));
        first.min(Some(until.clone())).max(from)
    }

    /// A batch was looked at, from a place to another: the end of what is due where `resume` is none. `began` is where
    /// the batches began between which nothing was passed over.
    pub(super) fn looked(
        &mut self,
        began: Option<&ClaimCursor>,
        from: Option<&ClaimCursor>,
        resume: Option<&ClaimCursor>,
        looked: Looked,
        now: Timestamp,
    ) {
        if resume.is_some_and(|resume| from.is_some_and(|from| resume <= from)) {
            // The store goes back to something else.
            return;
        }
        let is_covered = |visit: &Visit| {
            !visit.was_seen
                && began.is_none_or(|began| began.next_run_time < visit.time)
                && resume.is_none_or(|resume| visit.time < resume.next_run_time)
        };
        self.visits.retain(|_, visit| !is_covered(visit));
        for (id, time) in looked.catching_up {
            self.visits.insert(id, Visit { time, was_seen: true });
        }
        self.full.retain(|alias, first| {
            let is_here =
                first.as_ref() >= from && resume.is_none_or(|end| first.as_ref() < Some(end));
            if is_here && !looked.full.contains(alias) {
                *first = resume.cloned();
                return resume.is_some();
            }
            true
        });
        let last = looked.last;
        for alias in looked.full {
            let first = self.full.entry(alias).or_insert_with(|| from.cloned());
            if first.as_ref() > from {
                *first = from.cloned();
            }
        }
        if from <= self.until.as_ref() {
            // Behind the last record there is none. Its own place is the store's secret, so it is looked at again.
            let last = self.until.as_ref().and_then(|until| Some(within(last?, until)));
            self.extend(resume.cloned().or(last), now);
        }
    }

    fn extend(&mut self, until: Option<ClaimCursor>, now: Timestamp) {
        if until <= self.until {
            return;
        }
        if self.until.is_none() {
            self.since = Some(now);
            self.began = Some(Instant::now());
        }
        self.until = until;
    }
}

/// A place before all records with this run time, in a store whose places are like this one.
fn before(time: Timestamp, like: &ClaimCursor) -> ClaimCursor {
    let step = TimeDelta::microseconds(1);
    within(time.checked_sub_signed(step).unwrap_or(Timestamp::MIN_UTC), like)
}

/// A place behind all records before this run time, and before all behind it.
fn within(next_run_time: Timestamp, like: &ClaimCursor) -> ClaimCursor {
    let tie_breaker = match like.tie_breaker {
        TieBreaker::Id(_) => TieBreaker::Id("".into()),
        TieBreaker::Number(_) => TieBreaker::Number(0),
    };
    ClaimCursor::new(next_run_time, tie_breaker)
}

/// The backlog of a store between two passes, and what happens to it meanwhile.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    backlog: Backlog,
    /// Jobs that this scheduler wrote since the last batch began.
    changed: Vec<(Arc<str>, Timestamp)>,
    others_changed: bool,
    forgotten: bool,
    /// A pass has the backlog.
    in_pass: bool,
}

impl Shelf {
    pub(super) fn take(&mut self) -> Backlog {
        self.in_pass = true;
        std::mem::take(&mut self.backlog)
    }

    pub(super) fn put_back(&mut self, backlog: Backlog) {
        self.in_pass = false;
        self.backlog = backlog;
        // It comes too late for this pass, and is for the next one.
        let changed = std::mem::take(&mut self.changed);
        for (id, time) in changed {
            self.backlog.changed(id, time);
        }
    }

    /// A batch begins: tells its pass what has happened since the last.
    pub(super) fn tell(&mut self, backlog: &mut Backlog) {
        if std::mem::take(&mut self.forgotten) {
            *backlog = Backlog::default();
        }
        if std::mem::take(&mut self.others_changed) {
            backlog.others_changed();
        }
        // What comes behind the backlog is found there: it was written before the batch begins.
        for (id, time) in self.changed.drain(..) {
            backlog.changed(id, time);
        }
    }

    /// This scheduler has written a job with this next run time.
    pub(super) fn written(&mut self, id: &Arc<str>, time: Timestamp) {
        if self.in_pass {
            self.changed.push((Arc::clone(id), time));
        } else if !self.backlog.is_empty() {
            self.backlog.changed(Arc::clone(id), time);
        }
    }

    pub(super) fn others_changed(&mut self) {
        self.others_changed = true;
    }

    /// All that is due is to be looked at again.
    pub(super) fn forget(&mut self) {
        self.forgotten = true;
    }
}
