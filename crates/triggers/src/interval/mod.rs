//! `interval`: fires on a grid of elapsed time.

mod builder;
mod options;
mod trigger;

use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::options::Options;
use apscheduler_core::registry::Plugin;
use apscheduler_core::trigger::{DeferredTrigger as _, Trigger, TriggerContext};

pub use builder::IntervalTriggerBuilder;
pub use trigger::IntervalTrigger;

/// The descriptor of this trigger.
///
/// | option | meaning |
/// |---|---|
/// | `weeks`, `days`, `hours`, `minutes`, `seconds` | the interval is their sum, fractions are allowed; zero means one second |
/// | `start_date` | a fire time, at which the grid starts; by default the present plus the interval |
/// | `end_date` | the last instant at which it may fire |
/// | `timezone` | the zone that the dates are read in and fire times are shown in |
/// | `jitter` | each run is delayed by a random time of at most this many seconds |
/// | `from_clock` | written by stores: `start_date` was not given |
pub static PLUGIN: Plugin = Plugin::trigger("interval", &build)
    .classes(&["apscheduler.triggers.interval:IntervalTrigger"])
    .summary("fires repeatedly, at a fixed interval")
    .source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

fn build(given: &Options, context: &TriggerContext<'_>) -> Result<Arc<dyn Trigger>> {
    IntervalTriggerBuilder::from_options(given)?.build_with(context)
}
