//! `and`: when all of its triggers fire at once.

use std::fmt::{self, Write as _};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::options::{self, Options};
use apscheduler_core::registry::Plugin;
use apscheduler_core::time::{Timestamp, Zone};
use apscheduler_core::trigger::{Trigger, TriggerConfig, TriggerContext};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::triggers::Triggers;
use crate::jitter::{self, Jitter};
use crate::search;

const WHAT: &str = "trigger `and`";
const MAX_ITERATIONS: u32 = 10_000;

/// The descriptor of this trigger.
///
/// | option | |
/// |---|---|
/// | `triggers` | a list of triggers, each a table with `type` and options |
/// | `max_iterations` | how many rounds to look for a common fire time; 10,000 by default |
/// | `jitter` | each run is delayed by a random time of up to so many seconds |
pub static AND_PLUGIN: Plugin = Plugin::trigger("and", &build)
    .classes(&["apscheduler.triggers.combining:AndTrigger"])
    .summary("fires when all of its triggers do at once")
    .source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

/// Fires when all of its triggers do at the very same instant; ends when any of them has ended.
///
/// It looks for a common fire time by asking each trigger for its first one at or after the latest that any other
/// gave, for at most [`max_iterations`](Self::max_iterations) rounds. Where it finds none in so many it has ended too,
/// and a warning is logged. Triggers that are in step at few instants, as intervals with different starts, are therefore
/// better not combined.
///
/// The jitter of its triggers does not keep them from meeting: their times without jitter are compared. The run is delayed
/// until the last of them would have fired, and by the jitter of the combination on top of that.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use apscheduler_core::time::Zone;
/// use apscheduler_core::trigger::Trigger;
/// use apscheduler_triggers::{AndTrigger, CalendarIntervalTrigger, CronTrigger};
/// use chrono::{NaiveDate, TimeZone, Utc};
///
/// let start = NaiveDate::from_ymd_opt(2024, 1, 1).unwrap();
/// let fortnightly = CalendarIntervalTrigger::builder().weeks(2).hour(3).start_date(start).timezone(Zone::UTC).build()?;
/// let in_june = CronTrigger::builder().month("jun").day("*").hour(3).timezone(Zone::UTC).build()?;
/// let trigger = AndTrigger::new(vec![Arc::new(fortnightly), Arc::new(in_june)])?;
/// let now = Utc.with_ymd_and_hms(2024, 1, 1, 0, 0, 0).unwrap();
/// let fire = trigger.next_fire_time(None, now).unwrap();
/// assert_eq!(fire.to_rfc3339(), "2024-06-03T03:00:00+00:00");
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct AndTrigger {
    triggers: Triggers,
    max_iterations: u32,
    jitter: Jitter,
}

/// The search gave up.
struct Exhausted;

impl AndTrigger {
    /// Fires when all of these do.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidTrigger`](apscheduler_core::ErrorKind::InvalidTrigger) where there is none.
    pub fn new(triggers: Vec<Arc<dyn Trigger>>) -> Result<Self> {
        let triggers = Triggers::new(triggers)?;
        Ok(Self { triggers, max_iterations: MAX_ITERATIONS, jitter: Jitter::default() })
    }

    /// Looks for a common fire time for so many rounds, at least one; 10,000 if it is not set.
    pub fn max_iterations(mut self, rounds: u32) -> Self {
        self.max_iterations = rounds.max(1);
        self
    }

    /// Delays each run by a random time of up to `longest`.
    pub fn jitter(mut self, longest: Duration) -> Self {
        self.jitter = longest.into();
        self
    }

    /// The first common fire time at or after an instant.
    fn at_or_after(&self, from: Timestamp) -> Result<Option<Timestamp>, Exhausted> {
        let mut target = from;
        for _ in 0..self.max_iterations {
            let asked_for = target;
            for trigger in self.triggers.iter() {
                match search::first_from(trigger, target) {
                    // Who comes later sets what the next ones are asked for.
                    Some(fire) => target = fire,
                    None => return Ok(None),
                }
            }
            if target == asked_for {
                return Ok(Some(target));
            }
        }
        Err(Exhausted)
    }
}

impl Trigger for AndTrigger {
    fn next_fire_time(&self, previous: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let grid_time = self.next_grid_time(previous, now)?;
        Some(jitter::fire_at(self, grid_time, Timestamp::MAX_UTC))
    }

    fn next_grid_time(&self, previous: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let from = match previous {
            Some(previous) => search::behind(previous)?,
            None => now,
        };
        if let Ok(grid_time) = self.at_or_after(from) {
            grid_time
        } else {
            let rounds = self.max_iterations;
            tracing::warn!(trigger = %self, %from, "no common fire time in {rounds} rounds: the trigger has ended");
            None
        }
    }

    fn add_jitter(&self, grid_time: Timestamp, latest: Timestamp) -> Timestamp {
        let delayed = self.triggers.iter().map(|trigger| trigger.add_jitter(grid_time, latest));
        self.jitter.delay(delayed.max().unwrap_or(grid_time), latest)
    }

    fn last_fire_time(&self, first: Timestamp, until: Timestamp) -> Timestamp {
        let last = search::last_until(first, until, |from| self.at_or_after(from).ok().flatten());
        if last > first { self.add_jitter(last, until) } else { first }
    }

    fn diagnose(&self, now: Timestamp) -> Option<String> {
        if let Some(problem) = self.triggers.diagnose(now) {
            return Some(problem);
        }
        if let Ok(Some(_)) = self.at_or_after(now) {
            return None;
        }
        // A trigger that has ended has ended the combination.
        let fires: Vec<(&dyn Trigger, Timestamp)> = self
            .triggers
            .iter()
            .map(|trigger| Some((trigger, search::first_from(trigger, now)?)))
            .collect::<Option<_>>()?;
        Some(never_meet(&fires))
    }

    fn with_corrected_start(&self, now: Timestamp) -> Option<Arc<dyn Trigger>> {
        let triggers = self.triggers.with_corrected_start(now)?;
        Some(Arc::new(Self { triggers, ..self.clone() }))
    }

    fn kind(&self) -> &'static str {
        "and"
    }

    fn options(&self) -> Box<dyn erased_serde::Serialize + '_> {
        let max_iterations = NonZeroU32::new(self.max_iterations);
        Box::new(AndOptions {
            triggers: self.triggers.iter().collect(),
            max_iterations: max_iterations.filter(|rounds| rounds.get() != MAX_ITERATIONS),
            jitter: self.jitter.option(),
        })
    }

    /// The zone of the first trigger.
    fn zone(&self, fire_time: Timestamp) -> Zone {
        self.triggers.iter().next().map_or(Zone::UTC, |trigger| trigger.zone(fire_time))
    }
}

/// Says of triggers and their next fire times why they have none in common.
fn never_meet(fires: &[(&dyn Trigger, Timestamp)]) -> String {
    let iso = |(trigger, fire): &(&dyn Trigger, Timestamp)| trigger.zone(*fire).iso(*fire);
    let next: Vec<String> =
        fires.iter().map(|fire| format!("{} at {}", fire.0, iso(fire))).collect();
    let mut text = format!(
        "its triggers have no fire time in common, and it fires only when all of them do; the next ones are {}",
        next.join(", ")
    );
    let is_whole = |(_, fire): &&(&dyn Trigger, Timestamp)| fire.timestamp_subsec_nanos() == 0;
    // A grid that starts when the trigger is made lies between the seconds.
    let begins_anywhere = |(trigger, _): &&(&dyn Trigger, Timestamp)| {
        TriggerConfig::of(*trigger).is_ok_and(|config| config.options.contains_key("start_date"))
    };
    let adrift = fires.iter().filter(|fire| !is_whole(fire)).find(begins_anywhere);
    if let (Some((trigger, _)), Some(anchor)) = (adrift, fires.iter().find(is_whole)) {
        let _ = write!(
            text,
            "; {trigger} needs a `start_date` at which the others fire, as \"{}\"",
            iso(anchor)
        );
    }
    text
}

impl fmt::Display for AndTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "and{}", self.triggers)
    }
}

/// The options. `T` is a trigger: data when it is read, the trigger itself when it is written.
#[derive(Deserialize, Serialize)]
struct AndOptions<T> {
    #[serde(default = "Vec::new")]
    triggers: Vec<T>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_iterations: Option<NonZeroU32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jitter: Option<Jitter>,
}

fn build(given: &Options, context: &TriggerContext<'_>) -> Result<Arc<dyn Trigger>> {
    let given: AndOptions<Value> = options::parse(WHAT, given)?;
    let triggers =
        Triggers::build(&given.triggers, context).map_err(|error| error.with_context(WHAT))?;
    Ok(Arc::new(AndTrigger {
        triggers,
        max_iterations: given.max_iterations.map_or(MAX_ITERATIONS, NonZeroU32::get),
        jitter: given.jitter.unwrap_or_default(),
    }))
}
