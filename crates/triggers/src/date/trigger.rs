//! The trigger.

use std::fmt;
use std::sync::Arc;

use apscheduler_core::time::{Timestamp, Zone};
use apscheduler_core::trigger::Trigger;

use super::options::DateOptions;
use crate::instant::{self, InstantOption};

/// Fires once. The time may have passed already; the misfire grace time of the job decides whether it then still runs.
///
/// A job that is run manually before the date still runs at the date.
///
/// [`at`](Self::at) makes a trigger that is shown in the zone of the machine; [`builder`](Self::builder) lets the scheduler
/// set the zone.
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
    /// Whether `run_date` was not given, but taken from the clock when the trigger was built.
    from_clock: bool,
}

impl DateTrigger {
    pub(super) fn new(run_date: Timestamp, zone: Zone, from_clock: bool) -> Self {
        Self { run_date, zone, from_clock }
    }

    /// Creates a trigger that fires at this instant, shown in the zone of the machine.
    pub fn at(run_date: impl Into<Timestamp>) -> Self {
        Self::new(instant::storable(run_date.into()), instant::machine_zone(), false)
    }

    /// Sets the zone that the instant is shown in.
    pub fn timezone(mut self, zone: impl Into<Zone>) -> Self {
        self.zone = zone.into();
        self
    }

    /// Returns the instant of the run.
    pub fn run_date(&self) -> Timestamp {
        self.run_date
    }
}

impl Trigger for DateTrigger {
    fn next_fire_time(&self, previous: Option<Timestamp>, _now: Timestamp) -> Option<Timestamp> {
        // A manual run before the date does not replace the run at the date.
        previous.is_none_or(|previous| previous < self.run_date).then_some(self.run_date)
    }

    fn with_corrected_start(&self, now: Timestamp) -> Option<Arc<dyn Trigger>> {
        let ahead = self.from_clock && self.run_date > now;
        ahead.then(|| Arc::new(Self { run_date: instant::storable(now), ..self.clone() }) as _)
    }

    fn kind(&self) -> &'static str {
        "date"
    }

    fn options(&self) -> Box<dyn erased_serde::Serialize + '_> {
        Box::new(DateOptions {
            run_date: Some(InstantOption::stored(self.run_date, self.zone)),
            timezone: Some(self.zone),
            from_clock: self.from_clock,
        })
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
