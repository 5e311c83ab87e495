//! The schedulers of this crate as plugins.

use apscheduler_core::registry::{Plugin, PluginSet, Registry};

use crate::schedulers::{BACKGROUND_PLUGIN, BLOCKING_PLUGIN};

/// The schedulers that need nothing but threads.
pub static PLUGINS: [&Plugin; 2] = [&BACKGROUND_PLUGIN, &BLOCKING_PLUGIN];

/// What crates [submitted](apscheduler_core::submit_plugin): the plugins of a scheduler that is given no others. It has
/// no job store and no executor unless a crate submits one.
#[derive(Clone, Copy, Debug, Default)]
pub struct LinkedPlugins;

impl PluginSet for LinkedPlugins {
    fn registry() -> Registry {
        Registry::linked()
    }
}
