//! `date`: fires once, at an instant.

mod builder;
mod options;
mod trigger;

use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::options::Options;
use apscheduler_core::registry::Plugin;
use apscheduler_core::trigger::{DeferredTrigger as _, Trigger, TriggerContext};

pub use builder::DateTriggerBuilder;
pub use trigger::DateTrigger;

/// The descriptor of this trigger.
///
/// | option | meaning |
/// |---|---|
/// | `run_date` | the date and time of the run; by default the present |
/// | `timezone` | the zone that `run_date` is read in if it has no offset of its own |
/// | `from_clock` | written by stores: `run_date` was not given |
pub static PLUGIN: Plugin = Plugin::trigger("date", &build)
    .classes(&["apscheduler.triggers.date:DateTrigger"])
    .summary("fires once, at an instant")
    .source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

fn build(given: &Options, context: &TriggerContext<'_>) -> Result<Arc<dyn Trigger>> {
    DateTriggerBuilder::from_options(given)?.build_with(context)
}
