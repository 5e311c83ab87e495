//! The default set of plugins.

use apscheduler_core::registry::{PluginSet, Registry};

/// The plugins [submitted](apscheduler_core::submit_plugin) by linked crates: the default of a
/// scheduler. A job store or an executor is available only if a crate submits one.
#[derive(Clone, Copy, Debug, Default)]
pub struct LinkedPlugins;

impl PluginSet for LinkedPlugins {
    fn registry() -> Registry {
        Registry::linked()
    }
}
