//! Remembers where due jobs wait for room, so that a pass need not scan all of them again.
//!
//! A full executor leaves its due jobs in the store, ahead of jobs of other executors. Scanning
//! them in every pass would cost time proportional to the backlog. Passes therefore remember how
//! far they have scanned, and start there or at a job that may run now.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use hashbrown::HashMap;

use apscheduler_core::store::{ClaimCursor, TieBreaker};
use apscheduler_core::time::Timestamp;

/// After this time all due jobs are scanned again: a broken record may be restored, and a watch may
/// miss a change.
const EXPIRES: TimeDelta = TimeDelta::seconds(60);

/// The same limit after other processes changed the store: a job that they add with a past run time
/// falls in the range already scanned.
const EXPIRES_AFTER_CHANGES: TimeDelta = TimeDelta::seconds(10);

/// Rescans take at most 1/`SHARE` of the time.
const SHARE: u32 = 20;

/// The range of a store's due jobs that was scanned, and the jobs that wait in it.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// The end of the scanned range.
    until: Option<ClaimCursor>,
    /// Executors without room, each with a position at or before its first waiting job.
    full: BTreeMap<Arc<str>, Option<ClaimCursor>>,
    /// Jobs to visit regardless of executor room: changed jobs, and jobs that have finished a batch
    /// of catch-up run times.
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
    /// The job was seen in this pass and waits for a later one.
    was_seen: bool,
}

/// The result of scanning one batch.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Executors for which jobs were left.
    pub(super) full: Vec<Arc<str>>,
    /// Jobs left because they are catching up, and claimed jobs that are still due, with their run
    /// times.
    pub(super) catching_up: Vec<(Arc<str>, Timestamp)>,
    /// The run time of the last record.
    pub(super) last: Option<Timestamp>,
}

impl Backlog {
    /// Returns whether nothing is remembered, so that a pass starts with the first due job.
    pub(super) fn is_empty(&self) -> bool {
        self.until.is_none()
    }

    /// Returns whether a position lies within the scanned range.
    pub(super) fn covers(&self, place: Option<&ClaimCursor>) -> bool {
        place < self.until.as_ref()
    }

    /// Begins a pass.
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

    /// Ends a pass.
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

    /// Notes that other processes changed the store.
    pub(super) fn others_changed(&mut self) {
        self.others_changed = true;
    }

    /// Notes that this scheduler wrote a job.
    pub(super) fn changed(&mut self, id: Arc<str>, time: Timestamp) {
        if self.until.as_ref().is_some_and(|until| time <= until.next_run_time) {
            self.visits.insert(id, Visit { time, was_seen: false });
        }
    }

    /// Returns the executors for which jobs wait.
    pub(super) fn full(&self) -> impl Iterator<Item = &Arc<str>> {
        self.full.keys()
    }

    /// Returns the next position to scan, at or after `from`: a job that may run now, or the end of
    /// the scanned range. `has_room` tells whether an executor has room, `catches_up` whether a job
    /// is still catching up.
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

    /// Notes that a batch was scanned, from `from` to `resume`, or to the end of the due jobs if
    /// `resume` is `None`. `began` is the start of the run of batches between which no record was
    /// skipped.
    pub(super) fn looked(
        &mut self,
        began: Option<&ClaimCursor>,
        from: Option<&ClaimCursor>,
        resume: Option<&ClaimCursor>,
        looked: Looked,
        now: Timestamp,
    ) {
        if resume.is_some_and(|resume| from.is_some_and(|from| resume <= from)) {
            // The store has moved back: not a position to remember.
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
            // Nothing follows the last record. Its exact position is known to the store only, so it
            // is scanned again.
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

/// Returns a position before all records with this run time, in the format of `like`.
fn before(time: Timestamp, like: &ClaimCursor) -> ClaimCursor {
    let step = TimeDelta::microseconds(1);
    within(time.checked_sub_signed(step).unwrap_or(Timestamp::MIN_UTC), like)
}

/// Returns a position after all records with an earlier run time and before all with a later one.
fn within(next_run_time: Timestamp, like: &ClaimCursor) -> ClaimCursor {
    let tie_breaker = match like.tie_breaker {
        TieBreaker::Id(_) => TieBreaker::Id("".into()),
        TieBreaker::Number(_) => TieBreaker::Number(0),
    };
    ClaimCursor::new(next_run_time, tie_breaker)
}

/// The backlog of a store between passes, and the changes made in the meantime.
#[derive(Debug, Default)]
pub(super) struct BacklogSlot {
    backlog: Backlog,
    /// Jobs that this scheduler has written since the last batch began.
    changed: Vec<(Arc<str>, Timestamp)>,
    others_changed: bool,
    forgotten: bool,
    /// A pass has taken the backlog.
    in_pass: bool,
}

impl BacklogSlot {
    pub(super) fn take(&mut self) -> Backlog {
        self.in_pass = true;
        std::mem::take(&mut self.backlog)
    }

    pub(super) fn put_back(&mut self, backlog: Backlog) {
        self.in_pass = false;
        self.backlog = backlog;
        // These changes came too late for this pass; they are kept for the next one.
        let changed = std::mem::take(&mut self.changed);
        for (id, time) in changed {
            self.backlog.changed(id, time);
        }
    }

    /// Begins a batch: passes on the changes since the previous batch.
    pub(super) fn tell(&mut self, backlog: &mut Backlog) {
        if std::mem::take(&mut self.forgotten) {
            *backlog = Backlog::default();
        }
        if std::mem::take(&mut self.others_changed) {
            backlog.others_changed();
        }
        // Jobs beyond the scanned range will be found there: they were written before the batch
        // began.
        for (id, time) in self.changed.drain(..) {
            backlog.changed(id, time);
        }
    }

    /// Notes that this scheduler wrote a job with this next run time.
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

    /// Causes all due jobs to be scanned again.
    pub(super) fn forget(&mut self) {
        self.forgotten = true;
    }
}
