#![doc = include_str!("../README.md")]

mod event_loop;
mod mailbox;
mod turns;

use apscheduler_core::registry::Plugin;
use apscheduler_engine::LinkedPlugins;
use apscheduler_engine::schedulers::LoopScheduler;

pub use event_loop::GlibLoop;

/// A scheduler in a GLib main context.
pub type GlibScheduler<P = LinkedPlugins> = LoopScheduler<GlibLoop, P>;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::scheduler("glib")
    .aliases(&["gtk"])
    .summary("runs in a GLib main loop")
    .source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
