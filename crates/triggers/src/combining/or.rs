//! `or`: when any of its triggers fires.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::options::{self, Options};
use apscheduler_core::registry::Plugin;
use apscheduler_core::time::{Timestamp, Zone};
use apscheduler_core::trigger::{After, Trigger, TriggerContext};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::triggers::Triggers;
use crate::jitter::{self, Jitter};
use crate::search;

const WHAT: &str = "trigger `or`";

/// The descriptor of this trigger.
///
/// | option | meaning |
/// |---|---|
/// | `triggers` | a list of triggers, each a table with `type` and options |
/// | `jitter` | each run is delayed by a random time of at most this many seconds |
pub static OR_PLUGIN: Plugin = Plugin::trigger("or", &build)
    .classes(&["apscheduler.triggers.combining:OrTrigger"])
    .summary("fires when any of its triggers does")
    .source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

/// Fires when any of its triggers does, once if several fire at the same instant; ends when all have ended.
///
/// Each fire is delayed by the jitter of its trigger plus the jitter of the combination, but never up to the next fire of any of
/// the triggers: no fire is lost.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use apscheduler_core::time::Zone;
/// use apscheduler_triggers::{CronTrigger, OrTrigger};
///
/// let monday = CronTrigger::builder().day_of_week("mon").hour(2).timezone(Zone::UTC).build()?;
/// let friday = CronTrigger::builder().day_of_week("fri").hour(18).timezone(Zone::UTC).build()?;
/// let trigger = OrTrigger::new(vec![Arc::new(monday), Arc::new(friday)])?;
/// assert_eq!(trigger.to_string(), "or[cron[day_of_week='mon', hour='2'], cron[day_of_week='fri', hour='18']]");
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct OrTrigger {
    triggers: Triggers,
    jitter: Jitter,
}

impl OrTrigger {
    /// Creates a trigger that fires when any of these does.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidTrigger`](apscheduler_core::ErrorKind::InvalidTrigger) if there are none.
    pub fn new(triggers: Vec<Arc<dyn Trigger>>) -> Result<Self> {
        Ok(Self { triggers: Triggers::new(triggers)?, jitter: Jitter::default() })
    }

    /// Delays each run by a random time of at most `longest`.
    pub fn jitter(mut self, longest: Duration) -> Self {
        self.jitter = longest.into();
        self
    }

    /// Returns the first grid time of any trigger at or after an instant.
    fn at_or_after(&self, from: Timestamp) -> Option<Timestamp> {
        self.triggers.iter().filter_map(|trigger| search::first_from(trigger, from)).min()
    }
}

impl Trigger for OrTrigger {
    fn next_fire_time(&self, previous: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let grid_time = self.next_grid_time(previous, now)?;
        Some(jitter::fire_at(self, grid_time, Timestamp::MAX_UTC))
    }

    fn next_grid_time(&self, previous: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        match previous {
            None => {
                self.triggers.iter().filter_map(|trigger| trigger.next_grid_time(None, now)).min()
            }
            // Each by its own grid: another trigger may have fired last.
            Some(previous) => self.at_or_after(search::after(previous)?),
        }
    }

    fn add_jitter(&self, grid_time: Timestamp, latest: Timestamp) -> Timestamp {
        let firing = self
            .triggers
            .iter()
            .filter(|trigger| search::first_from(*trigger, grid_time) == Some(grid_time));
        let delayed = firing.map(|trigger| trigger.add_jitter(grid_time, latest));
        self.jitter.delay(delayed.min().unwrap_or(grid_time), latest)
    }

    fn last_fire_time(&self, first: Timestamp, until: Timestamp) -> Timestamp {
        let last_of = |trigger: &dyn Trigger| {
            let fire = search::first_from(trigger, first).filter(|fire| *fire <= until)?;
            Some(search::last_until(fire, until, |from| search::first_from(trigger, from)))
        };
        match self.triggers.iter().filter_map(last_of).max() {
            Some(last) if last > first => self.add_jitter(last, until),
            _ => first,
        }
    }

    fn diagnose(&self, now: Timestamp) -> Option<String> {
        self.triggers.diagnose(now)
    }

    fn with_corrected_start(&self, now: Timestamp) -> Option<Arc<dyn Trigger>> {
        let triggers = self.triggers.with_corrected_start(now)?;
        Some(Arc::new(Self { triggers, ..self.clone() }))
    }

    fn follows(&self) -> Vec<After> {
        self.triggers.iter().flat_map(Trigger::follows).collect()
    }

    fn kind(&self) -> &'static str {
        "or"
    }

    fn options(&self) -> Box<dyn erased_serde::Serialize + '_> {
        Box::new(OrOptions {
            triggers: self.triggers.iter().collect(),
            jitter: self.jitter.option(),
        })
    }

    /// The zone of the first trigger that fires then.
    fn zone(&self, fire_time: Timestamp) -> Zone {
        let fires =
            |trigger: &&dyn Trigger| search::first_from(*trigger, fire_time) == Some(fire_time);
        let trigger = self.triggers.iter().find(fires).or_else(|| self.triggers.iter().next());
        trigger.map_or(Zone::UTC, |trigger| trigger.zone(fire_time))
    }
}

impl fmt::Display for OrTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "or{}", self.triggers)
    }
}

/// The options. `T` is a trigger: data when it is read, the trigger itself when it is written.
#[derive(Deserialize, Serialize)]
struct OrOptions<T> {
    #[serde(default = "Vec::new")]
    triggers: Vec<T>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jitter: Option<Jitter>,
}

fn build(given: &Options, context: &TriggerContext<'_>) -> Result<Arc<dyn Trigger>> {
    let given: OrOptions<Value> = options::parse(WHAT, given)?;
    let triggers =
        Triggers::build(&given.triggers, context).map_err(|error| error.with_context(WHAT))?;
    Ok(Arc::new(OrTrigger { triggers, jitter: given.jitter.unwrap_or_default() }))
}
