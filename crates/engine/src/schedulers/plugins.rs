//! The schedulers of this crate as plugins.

use apscheduler_core::registry::Plugin;

use super::background::BACKGROUND_PLUGIN;
use super::blocking::BLOCKING_PLUGIN;

/// The schedulers that need only threads.
pub static PLUGINS: [&Plugin; 2] = [&BACKGROUND_PLUGIN, &BLOCKING_PLUGIN];
