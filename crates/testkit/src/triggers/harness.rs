//! What a trigger crate gives to the suite.

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
    /// A harness without samples. The registry must know the trigger, and the triggers that the samples hold.
    pub fn new(name: impl Into<String>, registry: Registry) -> Self {
        Self { name: name.into(), registry, samples: Vec::new() }
    }

    /// Adds a configuration to run the cases on. Its name becomes a part of the names of the cases.
    pub fn sample(mut self, name: impl Into<String>, config: TriggerConfig) -> Self {
        self.samples.push((name.into(), config));
        self
    }

    /// The name that its cases begin with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The registry that builds the samples.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }
}
