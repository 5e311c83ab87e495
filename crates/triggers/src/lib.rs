#![doc = include_str!("../README.md")]

pub mod after;
pub mod calendarinterval;
pub mod combining;
pub mod cron;
pub mod date;
pub mod interval;

mod deferred;
mod instant;
mod jitter;
mod search;
mod seconds;

use apscheduler_core::registry::Plugin;

pub use after::AfterTrigger;
pub use calendarinterval::{CalendarIntervalTrigger, CalendarIntervalTriggerBuilder};
pub use combining::{AndTrigger, OrTrigger};
pub use cron::{CronTrigger, CronTriggerBuilder};
pub use date::{DateTrigger, DateTriggerBuilder};
pub use interval::{IntervalTrigger, IntervalTriggerBuilder};

/// The descriptors of all triggers in this crate.
///
/// # Examples
/// ```
/// use apscheduler_core::registry::Registry;
/// use apscheduler_core::time::{SystemClock, Zone};
/// use apscheduler_core::trigger::{TriggerConfig, TriggerContext};
///
/// let registry = Registry::empty();
/// for plugin in apscheduler_triggers::PLUGINS {
///     registry.register(plugin.clone())?;
/// }
/// let context = TriggerContext::new(&registry, Zone::UTC, &SystemClock);
/// let trigger = context.build(&TriggerConfig::new("cron").option("hour", "*/2"))?;
/// assert_eq!(trigger.to_string(), "cron[hour='*/2']");
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
pub static PLUGINS: [&Plugin; 7] = [
    &date::PLUGIN,
    &interval::PLUGIN,
    &cron::PLUGIN,
    &calendarinterval::PLUGIN,
    &combining::AND_PLUGIN,
    &combining::OR_PLUGIN,
    &after::PLUGIN,
];
