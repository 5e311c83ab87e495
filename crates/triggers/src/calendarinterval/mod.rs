//! `calendarinterval`: fires every few days, weeks, months or years, at the same time of day.

mod builder;
mod options;
mod step;
mod trigger;

use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::options::Options;
use apscheduler_core::registry::Plugin;
use apscheduler_core::trigger::{DeferredTrigger as _, Trigger, TriggerContext};

pub use builder::CalendarIntervalTriggerBuilder;
pub use trigger::CalendarIntervalTrigger;

/// The descriptor of this trigger.
///
/// | option | meaning |
/// |---|---|
/// | `years`, `months`, `weeks`, `days` | the interval is their sum, at least a day |
/// | `hour`, `minute`, `second` | the time of day; midnight by default |
/// | `start_date`, `end_date` | the first and the last date to fire on, such as `2016-03-05`; from today by default |
/// | `timezone` | the zone of the dates and of the time of day |
/// | `jitter` | each run is delayed by a random time of at most this many seconds |
/// | `from_clock` | written by stores: `start_date` was not given |
pub static PLUGIN: Plugin = Plugin::trigger("calendarinterval", &build)
    .classes(&["apscheduler.triggers.calendarinterval:CalendarIntervalTrigger"])
    .summary("fires every N days, weeks, months or years, at one time of day")
    .source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

fn build(given: &Options, context: &TriggerContext<'_>) -> Result<Arc<dyn Trigger>> {
    CalendarIntervalTriggerBuilder::from_options(given)?.build_with(context)
}
