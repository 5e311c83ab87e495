//! The description of a trigger for the suite.

use apscheduler_core::registry::Registry;
use apscheduler_core::trigger::TriggerConfig;

/// Configurations of a trigger, and the registry that builds them.
#[derive(Clone, Debug)]
pub struct TriggerHarness {
    name: String,
    registry: Registry,
    pub(super) samples: Vec<(String, TriggerConfig)>,
}

impl TriggerHarness {
    /// Returns a harness without samples. The registry must contain the trigger and all triggers
    /// nested in samples.
    pub fn new(name: impl Into<String>, registry: Registry) -> Self {
        Self { name: name.into(), registry, samples: Vec::new() }
    }

    /// Adds a configuration to run the cases on. Its name becomes part of the case names.
    pub fn sample(mut self, name: impl Into<String>, config: TriggerConfig) -> Self {
        self.samples.push((name.into(), config));
        self
    }

    /// Returns the prefix of its case names.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the registry that builds the samples.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }
}
