//! The triggers of apscheduler: they say when a job runs.
//!
//! | plugin | type | fires |
//! |---|---|---|
//! | `date` | [`DateTrigger`] | once, at an instant |
//! | `interval` | [`IntervalTrigger`] | on a grid of elapsed time |
//! | `cron` | [`CronTrigger`] | whenever a wall clock matches |
//! | `calendarinterval` | [`CalendarIntervalTrigger`] | every so many days, weeks, months or years at one time of day |
//! | `and` | [`AndTrigger`] | when all of its triggers fire at once |
//! | `or` | [`OrTrigger`] | when any of its triggers fires |
//!
//! Names, options and behaviour are those of APScheduler 3.11. Every trigger can be built in code, as below, or
//! from a config through the plugins in [`PLUGINS`].
//!
//! # Time
//! Fire times are instants; every trigger keeps the zone that it reads wall clocks in and is shown in. A setter that
//! takes a [`Timestamp`] takes a `DateTime` of another zone too, and means the instant. Instants are kept to the
//! microsecond.
//!
//! Where code names no zone it is that of the machine ([`Zone::local`]); where a config names none it is that of the
//! scheduler.
//!
//! # Jitter
//! A trigger with jitter delays each run by a random time from zero to `jitter`, for that run alone: the grid stays
//! where it is, and the end of the schedule too. A delay ends before the next time on the grid, so jitter loses no fire,
//! however long it is.
//!
//! # Examples
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use apscheduler_core::time::Zone;
//! use apscheduler_triggers::{CronTrigger, IntervalTrigger, OrTrigger};
//!
//! let nightly = CronTrigger::builder().day_of_week("mon-fri").hour(3).timezone(Zone::UTC).build()?;
//! let hourly = IntervalTrigger::every(Duration::from_secs(3600)).jitter(Duration::from_secs(60));
//! let either = OrTrigger::new(vec![Arc::new(nightly), Arc::new(hourly)])?;
//! assert_eq!(either.to_string(), "or[cron[day_of_week='mon-fri', hour='3'], interval[1:00:00]]");
//! # Ok::<(), apscheduler_core::Error>(())
//! ```
//!
//! [`Timestamp`]: apscheduler_core::time::Timestamp
//! [`Zone::local`]: apscheduler_core::time::Zone::local

pub mod calendarinterval;
pub mod combining;
pub mod cron;
pub mod date;
pub mod interval;

mod instant;
mod jitter;
mod search;
mod seconds;

use apscheduler_core::registry::Plugin;

pub use calendarinterval::{CalendarIntervalTrigger, CalendarIntervalTriggerBuilder};
pub use combining::{AndTrigger, OrTrigger};
pub use cron::{CronTrigger, CronTriggerBuilder};
pub use date::DateTrigger;
pub use interval::IntervalTrigger;

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
pub static PLUGINS: [&Plugin; 6] = [
    &date::PLUGIN,
    &interval::PLUGIN,
    &cron::PLUGIN,
    &calendarinterval::PLUGIN,
    &combining::AND_PLUGIN,
    &combining::OR_PLUGIN,
];
