//! Pauses and resumes jobs.

use std::sync::Arc;

use apscheduler_core::job::{JobKey, JobSpec, OnResume, Pause, Paused};
use apscheduler_core::ledger::{ChangeKind, Reason};
use apscheduler_core::time::Timestamp;
use apscheduler_core::trigger::Trigger;
use apscheduler_core::{Error, ErrorKind, Result};
use chrono::TimeDelta;

use super::change::Changed;
use super::due::{NotRun, before};
use super::job::Job;
use super::scheduler::Scheduler;

impl Scheduler {
    /// Pauses a job: it does not run until it is resumed.
    ///
    /// # Errors
    /// Same as [`modify_job`](Self::modify_job).
    pub fn pause_job(&self, job: impl Into<JobKey>) -> Result<Job> {
        self.pause_job_with(job, Pause::new())
    }

    /// Pauses a job, with a note, and until a time. The job keeps both.
    ///
    /// With an end, the next run time is the first fire time at or after it. The job then runs
    /// again by itself, whether or not a scheduler runs at the end of the pause. If the job is to
    /// [catch up](OnResume::CatchUp), the next run time is the end of the pause, and stands for all
    /// run times that the pause holds back.
    ///
    /// A job that is paused already stays so, with the new note and end. A record that can't be
    /// restored can be paused, but keeps neither note nor end.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidJob`] if the end has passed, or if the job never runs after it; the
    /// others are those of [`modify_job`](Self::modify_job).
    ///
    /// # Examples
    /// ```
    /// use apscheduler::job::Pause;
    /// use apscheduler::prelude::*;
    /// # let scheduler = BackgroundScheduler::new();
    /// # let hourly = IntervalTrigger::every(std::time::Duration::from_secs(3600));
    /// # scheduler.add_job(JobBuilder::new(|| ()).id("backup").trigger(hourly))?;
    ///
    /// let tomorrow = scheduler.clock().now() + chrono::TimeDelta::days(1);
    /// scheduler.pause_job_with("backup", Pause::new().note("the disk is full").until(tomorrow))?;
    /// # Ok::<(), apscheduler::Error>(())
    /// ```
    #[expect(clippy::needless_pass_by_value, reason = "a pause is made for the call")]
    pub fn pause_job_with(&self, job: impl Into<JobKey>, pause: Pause) -> Result<Job> {
        let (key, now) = (job.into(), self.0.now());
        if let Some(until) = pause.until.filter(|until| *until <= now) {
            let message = format!("the end of the pause, {until}, has passed");
            return Err(Error::new(ErrorKind::InvalidJob, message).with_job_id(key.id()));
        }
        let acting = match &pause.actor {
            Some(actor) => self.acting_as(actor.as_str()),
            None => self.clone(),
        };
        let who = acting.who();
        acting.change(ChangeKind::Paused, &key, pause.note.as_deref(), |stored| {
            match stored.spec() {
                Ok(spec) => begin(spec, stored.next_run_time, &pause, &who, now),
                // A job that can't run can be paused.
                Err(_) if pause.until.is_none() => Ok(Changed::next(Some(None))),
                Err(reason) => Err(reason),
            }
        })
    }

    /// Resumes a job: at its next fire time, or, if it is to [catch up](OnResume::CatchUp), with
    /// the run times since it was paused. A job whose schedule has ended is removed; the result is
    /// then `None`.
    ///
    /// A trigger whose start was not given, but taken from a clock that was ahead, [starts
    /// anew](Trigger::with_corrected_start).
    ///
    /// # Errors
    /// Same as [`modify_job`](Self::modify_job).
    pub fn resume_job(&self, job: impl Into<JobKey>) -> Result<Option<Job>> {
        let mut ended = false;
        let now = self.0.now();
        let job = self.change(ChangeKind::Resumed, &job.into(), None, |stored| {
            let changed = end(stored.spec()?, stored.next_run_time, now);
            // The runs of a job that follows others come when those of the others end.
            let follows = stored.spec()?.trigger().follows();
            ended = changed.next_run_time == Some(None) && follows.is_empty();
            Ok(changed)
        })?;
        if ended {
            self.remove(&job.key(), Some("its schedule has ended"))?;
            return Ok(None);
        }
        Ok(Some(job))
    }
}

/// Returns the pause of a job, if it holds run times back: also after its end, until they are claimed. By a clock that is
/// behind, it may seem to last although they were.
fn holding(spec: &JobSpec, next: Option<Timestamp>, now: Timestamp) -> Option<&Paused> {
    spec.pause().filter(|pause| match pause.resume_at {
        Some(end) => next == Some(end),
        None if catches_up(spec) && pause.until.is_some() => next == pause.held,
        None => !pause.is_over(now),
    })
}

/// Returns the pause of a job, if the job is paused at that time.
pub(super) fn active(spec: &JobSpec, now: Timestamp) -> Option<&Paused> {
    spec.pause().filter(|pause| !pause.is_over(now))
}

fn catches_up(spec: &JobSpec) -> bool {
    spec.policies().on_resume == OnResume::CatchUp
}

/// Pauses a job, or changes its pause.
fn begin(
    spec: &JobSpec,
    next: Option<Timestamp>,
    asked: &Pause,
    who: &str,
    now: Timestamp,
) -> Result<Changed> {
    let earlier = holding(spec, next, now);
    let mut pause = Paused::new(who, earlier.map_or(now, |earlier| earlier.since));
    (pause.note, pause.until) = (asked.note.clone(), asked.until);
    pause.held = match earlier {
        None => next,
        // What comes before the next run time is recorded already.
        Some(earlier) if earlier.until.is_some() && asked.until.is_none() && !catches_up(spec) => {
            next
        }
        Some(earlier) => earlier.held,
    };
    let mut skipped = None;
    let next = match asked.until {
        None => None,
        Some(until) => Some(match pause.held {
            Some(held) if held >= until => held,
            Some(_) if catches_up(spec) => {
                pause.resume_at = Some(until);
                until
            }
            held => {
                let first = first_at(&**spec.trigger(), until);
                let first = first.ok_or_else(|| never_again(spec, until))?;
                let from = earlier.filter(|earlier| earlier.until.is_some()).map_or(held, |_| next);
                skipped = held_back(spec, from, first);
                first
            }
        }),
    };
    let spec = spec.with_pause(Some(pause));
    Ok(Changed { spec: Some(spec), next_run_time: Some(next), is_checked: false, skipped })
}

fn never_again(spec: &JobSpec, until: Timestamp) -> Error {
    let message = format!(
        "its schedule has no fire time at or after {until}, so it would never run again; pause it without an end, or \
         remove it"
    );
    Error::new(ErrorKind::InvalidJob, message).with_job_id(spec.id())
}

/// Ends the pause of a job. A job that is not paused gets the next run time of its trigger.
fn end(spec: &JobSpec, next: Option<Timestamp>, now: Timestamp) -> Changed {
    let corrected = spec.with_corrected_start(now);
    let pause = holding(spec, next, now);
    // A run time of a wrong date is not worth catching up.
    let held =
        pause.filter(|_| catches_up(spec) && corrected.is_none()).and_then(|pause| pause.held);
    let current = corrected.as_ref().unwrap_or(spec);
    let next = held.or_else(|| current.trigger().next_fire_time(None, now));
    let spec_after = match pause {
        // It says why run times that are caught up are late.
        Some(pause) if held.is_some() => {
            let mut ended = pause.clone();
            (ended.until, ended.resume_at) = (Some(now), None);
            Some(current.with_pause(Some(ended)))
        }
        _ if spec.pause().is_some() => Some(current.with_pause(None)),
        _ => corrected,
    };
    let skipped = if held.is_some() { None } else { ended(spec, next, now) };
    Changed { spec: spec_after, next_run_time: Some(next), is_checked: true, skipped }
}

/// Adapts a change of a job to its pause: a next run time that is given ends the pause, unless it
/// lies after it.
pub(super) fn adapt(spec: &JobSpec, mut changed: Changed, now: Timestamp) -> Changed {
    let Some(pause) = spec.pause() else { return changed };
    let is_over = pause.is_over(now);
    let given = changed.next_run_time.flatten();
    if given.is_some_and(|next| pause.until.is_none_or(|until| next < until)) || is_over {
        // The next run time may still stand for what the pause held back.
        let is_needed = given.is_none() && pause.resume_at.is_some();
        if (given.is_some() || changed.spec.is_some()) && !is_needed {
            changed.spec = Some(changed.spec.as_ref().unwrap_or(spec).with_pause(None));
        }
        if !is_over {
            changed.skipped = ended(spec, given, now);
        }
    } else if let Some(after) = &changed.spec
        && !Arc::ptr_eq(after.trigger(), spec.trigger())
    {
        // It holds back the run times of the new trigger.
        let mut pause = pause.clone();
        pause.held = after.trigger().next_fire_time(None, now);
        changed.spec = Some(after.with_pause(Some(pause)));
    }
    changed
}

/// Returns the run times that a pause has held back, if it ends now and they are not recorded yet.
fn ended(spec: &JobSpec, next: Option<Timestamp>, now: Timestamp) -> Option<NotRun> {
    let pause = active(spec, now).filter(|pause| pause.until.is_none())?;
    let past = now + TimeDelta::microseconds(1);
    held_back(spec, pause.held, next.map_or(past, |next| next.min(past)))
}

fn held_back(spec: &JobSpec, first: Option<Timestamp>, end: Timestamp) -> Option<NotRun> {
    before(spec, first.filter(|first| *first < end)?, end, Reason::Paused)
}

/// Returns the first fire time at or after an instant.
pub(super) fn first_at(trigger: &dyn Trigger, instant: Timestamp) -> Option<Timestamp> {
    let first = trigger.next_fire_time(None, instant)?;
    if first >= instant {
        return Some(first);
    }
    // A trigger that fires once returns its time even if that has passed.
    let before = instant.checked_sub_signed(TimeDelta::microseconds(1))?;
    trigger.next_fire_time(Some(before), instant)
}
