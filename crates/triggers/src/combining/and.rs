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
/// | option | meaning |
/// |---|---|
/// | `triggers` | a list of triggers, each a table with `type` and options |
/// | `max_iterations` | the number of rounds in which to search for a common fire time; 10,000 by default |
/// | `jitter` | each run is delayed by a random time of at most this many seconds |
pub static AND_PLUGIN: Plugin = Plugin::trigger("and", &build)
    .classes(&["apscheduler.triggers.combining:AndTrigger"])
    .summary("fires when all of its triggers do at once")
    .source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

/// Fires when all of its triggers fire at the same instant; ends when any of them has ended.
///
/// It searches for a common fire time in rounds. In each, it asks every trigger for its first fire time at or after the latest
/// one found so far. After [`max_iterations`](Self::max_iterations) rounds without success it ends and logs a warning. Do not
/// combine triggers that rarely coincide, such as intervals with different starts.
///
/// The triggers are compared without their jitter. The run is delayed until the last of them would have fired, plus the jitter
/// of the combination.
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

/// The search found nothing in the allowed number of rounds.
struct Exhausted;

impl AndTrigger {
    /// Creates a trigger that fires when all of these do.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidTrigger`](apscheduler_core::ErrorKind::InvalidTrigger) if there are none.
    pub fn new(triggers: Vec<Arc<dyn Trigger>>) -> Result<Self> {
        let triggers = Triggers::new(triggers)?;
        Ok(Self { triggers, max_iterations: MAX_ITERATIONS, jitter: Jitter::default() })
    }

    /// Sets the number of rounds in which to search for a common fire time, at least one. Default: 10,000.
    pub fn max_iterations(mut self, rounds: u32) -> Self {
        self.max_iterations = rounds.max(1);
        self
    }

    /// Delays each run by a random time of at most `longest`.
    pub fn jitter(mut self, longest: Duration) -> Self {
        self.jitter = longest.into();
        self
    }

    /// Returns the first common fire time at or after an instant.
    fn at_or_after(&self, from: Timestamp) -> Result<Option<Timestamp>, Exhausted> {
        let mut target = from;
        for _ in 0..self.max_iterations {
            let asked_for = target;
            for trigger in self.triggers.iter() {
                match search::first_from(trigger, target) {
                    // The next triggers are asked from this time on.
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
            Some(previous) => search::after(previous)?,
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
        // If a trigger has ended, the combination has ended, which is not a problem.
        let fires: Vec<(&dyn Trigger, Timestamp)> = self
            .triggers
            .iter()
            .map(|trigger| Some((trigger, search::first_from(trigger, now)?)))
            .collect::<Option<_>>()?;
        Some(explain_no_common_fire(&fires))
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

/// Explains why triggers with these next fire times have none in common.
fn explain_no_common_fire(fires: &[(&dyn Trigger, Timestamp)]) -> String {
    let iso = |(trigger, fire): &(&dyn Trigger, Timestamp)| trigger.zone(*fire).iso(*fire);
    let next: Vec<String> =
        fires.iter().map(|fire| format!("{} at {}", fire.0, iso(fire))).collect();
    let mut text = format!(
        "its triggers have no fire time in common, and it fires only when all of them do; the next ones are {}",
        next.join(", ")
    );
    let is_whole = |(_, fire): &&(&dyn Trigger, Timestamp)| fire.timestamp_subsec_nanos() == 0;
    // A grid that starts when the trigger is built lies between whole seconds.
    let begins_anywhere = |(trigger, _): &&(&dyn Trigger, Timestamp)| {
        TriggerConfig::of(*trigger).is_ok_and(|config| config.options.contains_key("start_date"))
    };
    let adrift = fires.iter().filter(|fire| !is_whole(fire)).find(begins_anywhere);
    if let (Some((trigger, _)), Some(anchor)) = (adrift, fires.iter().find(is_whole)) {
        let _ = write!(
            text,
            "; {trigger} needs a `start_date` at which the others fire, such as \"{}\"",
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
