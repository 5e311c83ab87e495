//! Which of the due run times of a job run, and which do not.

use apscheduler_core::job::{Coalesce, JobSpec};
use apscheduler_core::ledger::Reason;
use apscheduler_core::store::{NextRun, RunTimes};
use apscheduler_core::time::Timestamp;
use apscheduler_core::{Error, ErrorKind, Result};
use chrono::TimeDelta;

/// The maximum number of run times in one claim of a job that does not coalesce, so that memory use
/// does not grow with the length of a sleep.
const MAX_RUN_TIMES: usize = 1000;

/// The due run times of a job.
pub(super) struct Due {
    pub(super) run_times: RunTimes,
    pub(super) next: NextRun,
    /// Those that do not run.
    pub(super) skipped: Option<NotRun>,
}

/// Run times in a row that do not run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct NotRun {
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    pub(super) reason: Reason,
}

/// Returns what is due of a job at `now`. `next` is its next run time, which has come.
pub(super) fn due(job: &JobSpec, next: Timestamp, now: Timestamp) -> Result<Due> {
    let Some(pause) = job.pause() else { return from(job, next, now) };
    let mut due = from(job, pause.caught_up_at(next).unwrap_or(next), now)?;
    // The next run time that stands for the run times of the pause must not come again.
    if let (NextRun::At(next), RunTimes::Many(times)) = (due.next, &mut due.run_times)
        && pause.resume_at == Some(next)
        && let Some(last) = times.pop()
    {
        due.next = NextRun::At(last);
    }
    Ok(due)
}

/// Returns what is due from `first` on, which has come.
fn from(job: &JobSpec, first: Timestamp, now: Timestamp) -> Result<Due> {
    let last = || job.trigger().last_fire_time(first, now).max(first).min(now);
    match job.coalesce() {
        Coalesce::All => all(job, first, now),
        Coalesce::Earliest => {
            let last = last();
            let skipped = if last > first { next_after(job, first, now)? } else { None };
            let skipped = skipped.filter(|second| *second <= last).map(|second| NotRun {
                first: second,
                last,
                reason: Reason::Coalesced,
            });
            let next = next_run(next_after(job, last, now)?);
            Ok(Due { run_times: RunTimes::One(first), next, skipped })
        }
        _ => {
            let last = last();
            let next = next_run(next_after(job, last, now)?);
            let skipped =
                (last > first).then(|| before(job, first, last, Reason::Coalesced)).flatten();
            Ok(Due { run_times: RunTimes::One(last), next, skipped })
        }
    }
}

fn all(job: &JobSpec, mut first: Timestamp, now: Timestamp) -> Result<Due> {
    let mut next = next_after(job, first, now)?;
    if next.is_none_or(|next| next > now) {
        return Ok(Due { run_times: RunTimes::One(first), next: next_run(next), skipped: None });
    }
    let mut skipped = None;
    if let Some(limit) = job.policies().catchup_limit {
        let kept = newest(job, first, now, limit)?;
        if kept > first {
            skipped = before(job, first, kept, Reason::CatchUpLimit);
            first = kept;
            next = next_after(job, first, now)?;
        }
    }
    let mut times = vec![first];
    while let Some(time) = next.filter(|time| *time <= now && times.len() < MAX_RUN_TIMES) {
        times.push(time);
        next = next_after(job, time, now)?;
    }
    let run_times = if times.len() == 1 { RunTimes::One(first) } else { RunTimes::Many(times) };
    Ok(Due { run_times, next: next_run(next), skipped })
}

/// Returns the first of the newest `limit` run times. It looks back from `now` in spans that grow, so that the time that
/// it takes does not grow with the length of a sleep.
fn newest(job: &JobSpec, first: Timestamp, now: Timestamp, limit: u32) -> Result<Timestamp> {
    let limit = limit as usize;
    let mut span = TimeDelta::minutes(1);
    loop {
        let start = now.checked_sub_signed(span).filter(|start| *start > first);
        let start =
            start.map_or(first, |start| job.trigger().last_fire_time(first, start).max(first));
        let (mut times, mut time) = (std::collections::VecDeque::from([start]), start);
        while let Some(next) = next_after(job, time, now)?.filter(|next| *next <= now) {
            time = next;
            times.push_back(time);
            if times.len() > limit {
                times.pop_front();
            }
        }
        if times.len() == limit || start == first {
            return Ok(times.front().copied().unwrap_or(first));
        }
        span = span * 8;
    }
}

/// Returns the run times from `first` on, before another one.
pub(super) fn before(
    job: &JobSpec,
    first: Timestamp,
    end: Timestamp,
    reason: Reason,
) -> Option<NotRun> {
    let latest = end.checked_sub_signed(TimeDelta::microseconds(1))?;
    let last = job.trigger().last_fire_time(first, latest).clamp(first, latest);
    Some(NotRun { first, last, reason })
}

impl NotRun {
    /// Returns how many they are.
    pub(super) fn count(&self, job: &JobSpec) -> u64 {
        job.trigger().count_fire_times(self.first, self.last).saturating_add(1)
    }
}

fn next_after(job: &JobSpec, last: Timestamp, now: Timestamp) -> Result<Option<Timestamp>> {
    let trigger = job.trigger();
    let next = trigger.next_fire_time(Some(last), now);
    match next {
        Some(next) if next <= last => Err(Error::new(
            ErrorKind::BrokenRecord,
            format!("the trigger {trigger} gives {next} as the fire time after {last}"),
        )
        .with_job_id(job.id())),
        next => Ok(next),
    }
}

fn next_run(time: Option<Timestamp>) -> NextRun {
    time.map_or(NextRun::Finished, NextRun::At)
}
