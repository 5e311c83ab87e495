//! What triggers and jobs are built with.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::{Trigger, TriggerConfig};
use crate::function::FunctionLookup;
use crate::time::{Clock, Timestamp, Zone};
use crate::{Error, ErrorKind, Result};

/// Builds triggers by the name of their plugin.
pub trait TriggerLookup {
    /// Builds a trigger with the plugin that the configuration names.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownPlugin`] with the known names; any error from the plugin.
    fn build_trigger(
        &self,
        config: &TriggerConfig,
        context: &TriggerContext<'_>,
    ) -> Result<Arc<dyn Trigger>>;
}

/// Looks up by name what jobs are made of: triggers and functions. [`Registry`](crate::registry::Registry) does.
pub trait Lookup: TriggerLookup + FunctionLookup + fmt::Debug + Send + Sync {}

impl<T: TriggerLookup + FunctionLookup + fmt::Debug + Send + Sync> Lookup for T {}

/// What a trigger is built with, besides its options.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TriggerContext<'a> {
    lookup: &'a dyn Lookup,
    /// The zone of triggers that name none: the scheduler's zone.
    pub timezone: Zone,
    /// The present, for triggers that start "now".
    pub now: Timestamp,
}

impl<'a> TriggerContext<'a> {
    /// Creates a context with this zone and the present of this clock. Names are looked up in `lookup`, which is the
    /// registry.
    pub fn new(lookup: &'a dyn Lookup, timezone: Zone, clock: &dyn Clock) -> Self {
        Self::at(lookup, timezone, clock.now())
    }

    /// Creates a context with this zone, at this instant.
    pub fn at(lookup: &'a dyn Lookup, timezone: Zone, now: Timestamp) -> Self {
        Self { lookup, timezone, now }
    }

    /// Looks up the functions of jobs.
    pub fn functions(&self) -> &'a dyn FunctionLookup {
        self.lookup
    }

    /// Builds a trigger with the plugin that the configuration names.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownPlugin`] with the known names; any error from the plugin.
    pub fn build(&self, config: &TriggerConfig) -> Result<Arc<dyn Trigger>> {
        self.lookup.build_trigger(config, self).map_err(|error| {
            if is_crontab_line(&config.kind) { crontab_line(&config.kind) } else { error }
        })
    }
}

fn is_crontab_line(text: &str) -> bool {
    let is_field = |part: &str| {
        part.starts_with(|first: char| first == '*' || first.is_ascii_digit())
            || part.len() >= 3 && part.starts_with(|first: char| first.is_ascii_alphabetic())
    };
    let parts: Vec<&str> = text.split_whitespace().collect();
    (5..=6).contains(&parts.len()) && parts.iter().all(|part| is_field(part))
}

fn crontab_line(line: &str) -> Error {
    let line = Value::from(line);
    let message = format!(
        "{line} is a crontab line, not the name of a trigger; expected a table with `type` \"cron\" and `crontab` {line}"
    );
    Error::new(ErrorKind::UnknownPlugin, message)
}
