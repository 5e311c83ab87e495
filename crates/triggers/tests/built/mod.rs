//! Builds triggers from JSON, like a scheduler.

use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::registry::Registry;
use apscheduler_core::time::{Timestamp, Zone};
use apscheduler_core::trigger::{Trigger, TriggerConfig, TriggerContext};
use serde_json::Value;

/// Builds a trigger through its plugin, for a scheduler of this zone at this time.
pub(crate) fn build(config: &Value, timezone: Zone, now: Timestamp) -> Result<Arc<dyn Trigger>> {
    rebuild(&TriggerConfig::from_value(config)?, timezone, now)
}

/// Builds a trigger from the config of another one.
pub(crate) fn rebuild(
    config: &TriggerConfig,
    timezone: Zone,
    now: Timestamp,
) -> Result<Arc<dyn Trigger>> {
    let registry = Registry::empty();
    for plugin in apscheduler_triggers::PLUGINS {
        registry.register(plugin.clone())?;
    }
    TriggerContext::at(&registry, timezone, now).build(config)
}
