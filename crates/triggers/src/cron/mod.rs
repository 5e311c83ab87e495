//! `cron`: fires whenever the wall clock time matches.

mod builder;
mod civil;
mod expression;
mod field;
mod options;
mod schedule;
mod trigger;

use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::options::Options;
use apscheduler_core::registry::Plugin;
use apscheduler_core::trigger::{DeferredTrigger as _, Trigger, TriggerContext};

pub use builder::CronTriggerBuilder;
pub use trigger::CronTrigger;

/// The descriptor of this trigger.
///
/// | option | meaning |
/// |---|---|
/// | `year`, `month`, `day`, `week`, `day_of_week`, `hour`, `minute`, `second` | the fields, as numbers or text |
/// | `crontab` | the five fields of a crontab line, instead of single fields |
/// | `start_date`, `end_date` | the first and the last instant at which it may fire |
/// | `timezone` | the zone whose wall clock has to match, and that the dates are read in |
/// | `jitter` | each run is delayed by a random time of at most this many seconds |
pub static PLUGIN: Plugin = Plugin::trigger("cron", &build)
    .classes(&["apscheduler.triggers.cron:CronTrigger"])
    .summary("fires whenever the wall clock time matches")
    .source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

fn build(given: &Options, context: &TriggerContext<'_>) -> Result<Arc<dyn Trigger>> {
    CronTriggerBuilder::from_options(given)?.build_with(context)
}
