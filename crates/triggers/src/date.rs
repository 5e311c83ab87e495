//! `date`: once, at an instant.

use std::fmt;
use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::options::{self, Options};
use apscheduler_core::registry::Plugin;
use apscheduler_core::time::{Timestamp, Zone};
use apscheduler_core::trigger::{Trigger, TriggerConfig, TriggerContext};
use serde::Deserialize;

use crate::instant::{self, InstantOption};

const WHAT: &str = "trigger `date`";

/// The descriptor of this trigger.
///
/// | option | |
/// |---|---|
/// | `run_date` | the date and time of the run; by default the present |
/// | `timezone` | the zone that `run_date` is read in where it has no offset of its own |
/// | `from_clock` | stores write it: `run_date` was not given |
pub static PLUGIN: Plugin = Plugin::trigger("date", &build)
    .classes(&["apscheduler.triggers.date:DateTrigger"])
    .summary("fires once, at an instant")
    .source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

/// Fires once. The time may have passed already; whether the job then still runs is for its misfire grace time.
///
/// A job that is run by hand before the date still runs at the date.
///
/// # Examples
/// ```
/// use apscheduler_core::time::Zone;
/// use apscheduler_core::trigger::Trigger;
/// use apscheduler_triggers::DateTrigger;
/// use chrono::{TimeZone, Utc};
///
/// let run_date = Utc.with_ymd_and_hms(2009, 11, 6, 16, 30, 5).unwrap();
/// let trigger = DateTrigger::at(run_date).timezone("Europe/Helsinki".parse::<Zone>()?);
/// assert_eq!(trigger.to_string(), "date[2009-11-06 18:30:05 EET]");
/// assert_eq!(trigger.next_fire_time(None, run_date), Some(run_date));
/// assert_eq!(trigger.next_fire_time(Some(run_date), run_date), None);
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateTrigger {
    run_date: Timestamp,
    zone: Zone,
    /// `run_date` was not given: it is the time at which the trigger was made.
    from_clock: bool,
}

impl DateTrigger {
    /// Fires at this instant, which is shown in the zone of the machine.
    pub fn at(run_date: impl Into<Timestamp>) -> Self {
        Self {
            run_date: instant::storable(run_date.into()),
            zone: instant::shown_in(),
            from_clock: false,
        }
    }

    /// Shows the instant in this zone.
    pub fn timezone(mut self, zone: impl Into<Zone>) -> Self {
        self.zone = zone.into();
        self
    }

    /// The instant of the run.
    pub fn run_date(&self) -> Timestamp {
        self.run_date
    }
}

impl Trigger for DateTrigger {
    fn next_fire_time(&self, previous: Option<Timestamp>, _now: Timestamp) -> Option<Timestamp> {
        // A run by hand before the date does not take its place.
        previous.is_none_or(|previous| previous < self.run_date).then_some(self.run_date)
    }

    fn righted(&self, now: Timestamp) -> Option<Arc<dyn Trigger>> {
        let ahead = self.from_clock && self.run_date > now;
        ahead.then(|| Arc::new(Self { run_date: instant::storable(now), ..self.clone() }) as _)
    }

    fn config(&self) -> TriggerConfig {
        let config = TriggerConfig::new("date")
            .option("run_date", instant::text(self.run_date, self.zone))
            .option("timezone", self.zone.to_string());
        instant::mark_from_clock(config, self.from_clock)
    }

    fn zone(&self, _fire_time: Timestamp) -> Zone {
        self.zone
    }
}

impl fmt::Display for DateTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "date[{}]", self.zone.display(self.run_date))
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DateOptions {
    run_date: Option<InstantOption>,
    timezone: Option<Zone>,
    from_clock: bool,
}

fn build(given: &Options, context: &TriggerContext<'_>) -> Result<Arc<dyn Trigger>> {
    let given: DateOptions = options::parse(WHAT, given)?;
    let zone = given.timezone.unwrap_or(context.timezone);
    let from_clock = given.from_clock || given.run_date.is_none();
    let run_date = given.run_date.unwrap_or_else(|| context.now.into());
    let (run_date, zone) =
        run_date.resolve("run_date", zone).map_err(|error| error.with_context(WHAT))?;
    Ok(Arc::new(DateTrigger { run_date, zone, from_clock }))
}
