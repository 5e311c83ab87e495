//! What triggers and jobs find in a registry.

use std::sync::Arc;

use super::{PluginKind, Registry};
use crate::Result;
use crate::function::{Function, FunctionLookup};
use crate::trigger::{Trigger, TriggerConfig, TriggerContext, TriggerLookup};

impl TriggerLookup for Registry {
    fn build_trigger(
        &self,
        config: &TriggerConfig,
        context: &TriggerContext<'_>,
    ) -> Result<Arc<dyn Trigger>> {
        self.find(PluginKind::Trigger, &config.kind)?.build_trigger(&config.options, context)
    }
}

impl FunctionLookup for Registry {
    fn function(&self, name: &str) -> Result<Arc<Function>> {
        Self::function(self, name)
    }

    fn has_function(&self, name: &str) -> bool {
        Self::has_function(self, name)
    }
}
