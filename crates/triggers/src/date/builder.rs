//! Builds date triggers, in code or from options.

use apscheduler_core::Result;
use apscheduler_core::options::{self, Options};
use apscheduler_core::time::{Clock as _, SystemClock, Timestamp, Zone};

use super::options::{DateOptions, WHAT};
use super::trigger::DateTrigger;
use crate::deferred::deferred_trigger;

/// Builds a [`DateTrigger`].
///
/// A job takes the builder as it is; a run date and a zone that are not set are then those of its scheduler.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DateTriggerBuilder(DateOptions);

deferred_trigger!(DateTriggerBuilder, WHAT);

impl DateTrigger {
    /// Starts building a trigger.
    pub fn builder() -> DateTriggerBuilder {
        DateTriggerBuilder::default()
    }
}

impl DateTriggerBuilder {
    /// Sets the instant of the run. Default: the present.
    pub fn run_date(mut self, run_date: impl Into<Timestamp>) -> Self {
        self.0.run_date = Some(run_date.into().into());
        self
    }

    /// Sets the zone that the instant is shown in. Default: the scheduler's, or the machine's for
    /// [`build`](Self::build).
    pub fn timezone(mut self, zone: impl Into<Zone>) -> Self {
        self.0.timezone = Some(zone.into());
        self
    }

    /// Builds the trigger with the zone and the clock of this machine.
    ///
    /// # Errors
    /// See [`Zone::local`], if no zone is set.
    pub fn build(self) -> Result<DateTrigger> {
        let zone = self.0.timezone.map_or_else(Zone::local, Ok)?;
        self.build_in(zone, SystemClock.now())
    }

    pub(super) fn from_options(given: &Options) -> Result<Self> {
        options::parse(WHAT, given).map(Self)
    }

    fn build_in(self, zone: Zone, now: Timestamp) -> Result<DateTrigger> {
        let Self(options) = self;
        let zone = options.timezone.unwrap_or(zone);
        let from_clock = options.from_clock || options.run_date.is_none();
        let run_date = options.run_date.unwrap_or_else(|| now.into());
        let (run_date, zone) = run_date.resolve("run_date", zone)?;
        Ok(DateTrigger::new(run_date, zone, from_clock))
    }
}
