//! Builds interval triggers, in code or from options.

use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::options::{self, Options};
use apscheduler_core::time::{Clock as _, SystemClock, Timestamp, Zone, duration_to_micros};

use super::options::{IntervalOptions, WHAT};
use super::trigger::IntervalTrigger;
use crate::deferred::deferred_trigger;
use crate::instant::InstantOption;

/// Builds an [`IntervalTrigger`].
///
/// A job takes the builder as it is; a start and a zone that are not set are then those of its scheduler.
///
/// # Examples
/// ```
/// use apscheduler_triggers::IntervalTrigger;
///
/// let trigger = IntervalTrigger::builder().hours(1).minutes(30).build()?;
/// assert_eq!(trigger.to_string(), "interval[1:30:00]");
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IntervalTriggerBuilder {
    /// In microseconds, on top of the parts in the options.
    interval: i64,
    options: IntervalOptions,
}

deferred_trigger!(IntervalTriggerBuilder, WHAT);

impl IntervalTrigger {
    /// Starts building a trigger.
    pub fn builder() -> IntervalTriggerBuilder {
        IntervalTriggerBuilder::default()
    }
}

macro_rules! parts {
    ($($field:ident)+) => {$(
        #[doc = concat!("Sets the number of ", stringify!($field), ", which are added to the other parts of the interval.")]
        pub fn $field(mut self, $field: u32) -> Self {
            self.options.$field = $field.into();
            self
        }
    )+};
}

impl IntervalTriggerBuilder {
    parts!(weeks days hours minutes seconds);

    /// Sets the interval, to the microsecond. Weeks, days, hours, minutes and seconds that are set too are added to it.
    ///
    /// An interval of zero is one second, as in APScheduler.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = duration_to_micros(interval);
        self
    }

    /// Sets the start of the grid, which is the first fire time. Default: one interval after the present.
    pub fn start_date(mut self, start_date: impl Into<Timestamp>) -> Self {
        self.options.start_date = Some(start_date.into().into());
        self
    }

    /// Sets the last instant at which the trigger may fire.
    pub fn end_date(mut self, end_date: impl Into<Timestamp>) -> Self {
        self.options.end_date = Some(end_date.into().into());
        self
    }

    /// Sets the zone that fire times are shown in. Default: the scheduler's, or the machine's for
    /// [`build`](Self::build).
    pub fn timezone(mut self, zone: impl Into<Zone>) -> Self {
        self.options.timezone = Some(zone.into());
        self
    }

    /// Delays each run by a random time of at most `longest`.
    pub fn jitter(mut self, longest: Duration) -> Self {
        self.options.jitter = Some(longest.into());
        self
    }

    /// Builds the trigger with the zone and the clock of this machine.
    ///
    /// # Errors
    /// See [`Zone::local`], if no zone is set.
    pub fn build(self) -> Result<IntervalTrigger> {
        let zone = self.options.timezone.map_or_else(Zone::local, Ok)?;
        self.build_in(zone, SystemClock.now())
    }

    pub(super) fn from_options(given: &Options) -> Result<Self> {
        Ok(Self { interval: 0, options: options::parse(WHAT, given)? })
    }

    fn build_in(self, zone: Zone, now: Timestamp) -> Result<IntervalTrigger> {
        let interval = self.options.interval()?.saturating_add(self.interval);
        let options = self.options;
        let zone = options.timezone.unwrap_or(zone);
        let resolve = |name, date: Option<InstantOption>| {
            date.map(|date| date.resolve(name, zone))
                .transpose()
                .map(|date| date.map(|(instant, _)| instant))
        };
        let mut trigger = IntervalTrigger::starting_after(now, interval, zone);
        if let Some(start) = resolve("start_date", options.start_date)? {
            trigger.start_date = start;
            trigger.from_clock = options.from_clock;
        }
        trigger.end_date = resolve("end_date", options.end_date)?;
        trigger.jitter = options.jitter.unwrap_or_default();
        Ok(trigger)
    }
}
