//! What a changed trigger would change: the old fire times of a job against the new ones.

use std::sync::Arc;

use apscheduler_core::job::JobKey;
use apscheduler_core::time::{Timestamp, Zone};
use apscheduler_core::trigger::{Trigger, TriggerConfig, TriggerContext, schedule_warning};
use apscheduler_core::{Error, Result};
use apscheduler_engine::Scheduler;
use chrono::TimeDelta;
use serde::Serialize;
use utoipa::ToSchema;

use super::fires::fires;

/// The fire times of a job with its trigger and with another one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Simulation {
    pub(crate) old: Schedule,
    pub(crate) new: Schedule,
    /// Why the new trigger never fires, or does not fire any more.
    pub(crate) warning: Option<String>,
}

/// The fire times of a trigger.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Schedule {
    /// The trigger in words.
    pub(crate) trigger: String,
    pub(crate) fires: Vec<Fire>,
}

/// A time at which a trigger fires, or would have fired if it existed.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Fire {
    #[serde(skip)]
    pub(crate) instant: Timestamp,
    /// In the zone of the trigger. For one that is skipped, the time to which clocks are put forward.
    pub(crate) time: String,
    /// Whether the other trigger fires at that time too.
    pub(crate) in_both: bool,
    /// What a change of the offset of the zone does to it.
    pub(crate) clock_change: Option<ClockChange>,
}

/// What a change of the offset of a zone does to a fire time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ClockChange {
    /// Clocks skip the time, so the trigger does not fire.
    Skipped,
    /// Clocks show the time twice.
    Repeated,
}

/// Compares the fire times of a job with those of another trigger, `count` of each.
///
/// # Errors
/// [`ErrorKind::JobLookup`](apscheduler_core::ErrorKind::JobLookup); an error if the job can't be restored, or for a trigger
/// that is not valid; any error from the store.
pub(crate) fn simulate(
    scheduler: &Scheduler,
    key: &JobKey,
    trigger: &TriggerConfig,
    count: usize,
) -> Result<Simulation> {
    let job = scheduler.get_job(key)?.ok_or_else(|| Error::job_lookup(key.id()))?;
    let Some(spec) = job.spec() else {
        return Err(job.broken().map_or_else(|| Error::job_lookup(key.id()), Error::repeated));
    };
    let context =
        TriggerContext::new(scheduler.registry(), scheduler.timezone(), &**scheduler.clock());
    let new = context.build(trigger).map_err(|error| error.with_context("trigger"))?;
    let first = job.next_run_time().instant();
    let mut old = schedule(&context, spec.trigger(), first, count);
    let first = new.next_fire_time(None, context.now);
    let warning = schedule_warning(&*new, context.now);
    let mut new = schedule(&context, &new, first, count);
    mark_in_both(&mut old.fires, &mut new.fires);
    Ok(Simulation { old, new, warning })
}

/// Returns the fire times of a trigger from `first` on, with those that clocks skip in between.
pub(crate) fn schedule(
    context: &TriggerContext<'_>,
    trigger: &Arc<dyn Trigger>,
    first: Option<Timestamp>,
    count: usize,
) -> Schedule {
    let times: Vec<Timestamp> = fires(&**trigger, first).take(count).collect();
    let goes_by_clock = matches!(trigger.kind(), "cron" | "calendarinterval");
    let mut fires: Vec<Fire> = times
        .iter()
        .map(|time| {
            let zone = trigger.zone(*time);
            let is_repeated = goes_by_clock && is_repeated(zone, *time);
            fire(zone, *time, is_repeated.then_some(ClockChange::Repeated))
        })
        .collect();
    if goes_by_clock && let (Some(first), Some(last)) = (times.first(), times.last()) {
        fires.extend(skipped(context, &**trigger, *first, *last));
        fires.sort_by_key(|fire| fire.instant);
    }
    Schedule { trigger: trigger.to_string(), fires }
}

fn fire(zone: Zone, instant: Timestamp, clock_change: Option<ClockChange>) -> Fire {
    Fire { instant, time: zone.iso(instant), in_both: false, clock_change }
}

/// Returns whether clocks show the time of this instant twice.
fn is_repeated(zone: Zone, instant: Timestamp) -> bool {
    let wall = zone.wall_clock(instant);
    // Offsets change by a day at most.
    let around = [instant - TimeDelta::hours(26), instant + TimeDelta::hours(26)];
    around.into_iter().any(|other| {
        let offset = zone.offset_at(other);
        let other = (wall - offset).and_utc();
        other != instant && zone.wall_clock(other) == wall
    })
}

/// Returns the changes of offset between two instants that skip a time at which the trigger would have fired.
fn skipped(
    context: &TriggerContext<'_>,
    trigger: &dyn Trigger,
    first: Timestamp,
    last: Timestamp,
) -> Vec<Fire> {
    let zone = trigger.zone(first);
    let Some(by_clock) = in_utc(context, trigger) else { return Vec::new() };
    let spans = zone.spans();
    let mut span = spans.at(first.timestamp());
    let mut found = Vec::new();
    while span.end < last.timestamp() {
        let next = spans.at(span.end);
        if let Some(change) = Timestamp::from_timestamp(span.end, 0) {
            // What clocks would have shown, and do not.
            let wall = |offset: i32| change + TimeDelta::seconds(offset.into());
            let (from, to) = (wall(span.offset), wall(next.offset));
            let would_fire =
                from < to && by_clock.next_fire_time(None, from).is_some_and(|fire| fire < to);
            if would_fire {
                found.push(fire(zone, change, Some(ClockChange::Skipped)));
            }
        }
        if next.end <= span.end {
            break;
        }
        span = next;
    }
    found
}

/// Returns the trigger as if its zone were UTC, so that its fire times are what clocks show.
fn in_utc(context: &TriggerContext<'_>, trigger: &dyn Trigger) -> Option<Arc<dyn Trigger>> {
    let mut config = TriggerConfig::of(trigger).ok()?.option("timezone", "UTC");
    // Random delays are no part of the schedule.
    config.options.remove("jitter");
    context.build(&config).ok()
}

fn mark_in_both(old: &mut [Fire], new: &mut [Fire]) {
    // Both are sorted.
    let (mut left, mut right) = (0, 0);
    while let (Some(one), Some(other)) = (old.get_mut(left), new.get_mut(right)) {
        match one.instant.cmp(&other.instant) {
            std::cmp::Ordering::Less => left += 1,
            std::cmp::Ordering::Greater => right += 1,
            std::cmp::Ordering::Equal => {
                let is_same = one.clock_change == other.clock_change;
                (one.in_both, other.in_both) = (is_same, is_same);
                (left, right) = (left + 1, right + 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use apscheduler_core::job::JobBuilder;

    use super::*;

    fn cron(options: &[(&str, &str)]) -> TriggerConfig {
        let helsinki = TriggerConfig::new("cron").option("timezone", "Europe/Helsinki");
        options.iter().fold(helsinki, |config, (key, value)| config.option(key, *value))
    }

    fn simulated(old: TriggerConfig, new: &TriggerConfig, count: usize) -> Simulation {
        let scheduler = crate::tests::scheduler_at("2027-03-26T00:00:00Z");
        scheduler.add_job(JobBuilder::new("fail").id("a").trigger(old)).unwrap();
        simulate(&scheduler, &JobKey::from("a"), new, count).unwrap()
    }

    fn shown(schedule: &Schedule) -> Vec<(&str, Option<ClockChange>, bool)> {
        schedule.fires.iter().map(|fire| (&*fire.time, fire.clock_change, fire.in_both)).collect()
    }

    #[test]
    fn what_stays_and_what_clocks_skip_is_marked() {
        let old = cron(&[("hour", "3"), ("minute", "30")]);
        let new = cron(&[("hour", "3"), ("minute", "30"), ("day_of_week", "fri,sun,mon")]);
        let simulation = simulated(old, &new, 3);
        assert_eq!(
            shown(&simulation.old),
            [
                ("2027-03-26T03:30:00+02:00", None, true),
                ("2027-03-27T03:30:00+02:00", None, false),
                ("2027-03-28T04:00:00+03:00", Some(ClockChange::Skipped), true),
                ("2027-03-29T03:30:00+03:00", None, true),
            ]
        );
        assert_eq!(simulation.new.fires.len(), 4);
        assert_eq!(simulation.warning, None);
    }

    #[test]
    fn what_clocks_show_twice_is_marked() {
        let scheduler = crate::tests::scheduler_at("2027-10-30T12:00:00Z");
        let job = JobBuilder::new("fail").id("a").trigger(cron(&[("hour", "3"), ("minute", "30")]));
        scheduler.add_job(job).unwrap();
        let new = cron(&[("hour", "4")]);
        let simulation = simulate(&scheduler, &JobKey::from("a"), &new, 3).unwrap();
        assert_eq!(
            shown(&simulation.old),
            [
                ("2027-10-31T03:30:00+03:00", Some(ClockChange::Repeated), false),
                ("2027-10-31T03:30:00+02:00", Some(ClockChange::Repeated), false),
                ("2027-11-01T03:30:00+02:00", None, false),
            ]
        );
        assert!(shown(&simulation.new).iter().all(|(_, change, _)| change.is_none()));
    }

    #[test]
    fn elapsed_time_has_no_changes_of_clocks() {
        let old = TriggerConfig::new("interval").option("hours", 1);
        let simulation = simulated(old, &TriggerConfig::new("interval").option("hours", 2), 100);
        assert!(simulation.old.fires.iter().all(|fire| fire.clock_change.is_none()));
        assert_eq!(simulation.old.fires.iter().filter(|fire| fire.in_both).count(), 50);
    }
}
