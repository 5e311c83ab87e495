//! The schedulers of this crate as plugins.

use apscheduler_core::registry::{Plugin, PluginSet, Registry};

use crate::schedulers::{BACKGROUND_PLUGIN, BLOCKING_PLUGIN};

/// The schedulers that need only threads.
pub static PLUGINS: [&Plugin; 2] = [&BACKGROUND_PLUGIN, &BLOCKING_PLUGIN];

/// The plugins [submitted](apscheduler_core::submit_plugin) by linked crates: the default of a
/// scheduler. A job store or an executor is available only if a crate submits one.
#[derive(Clone, Copy, Debug, Default)]
pub struct LinkedPlugins;

impl PluginSet for LinkedPlugins {
    fn registry() -> Registry {
        Registry::linked()
    }
}
