#![doc = include_str!("../README.md")]

mod event_loop;
mod turns;

use apscheduler_core::registry::Plugin;
use apscheduler_engine::LinkedPlugins;
use apscheduler_engine::schedulers::LoopScheduler;

pub use event_loop::QtLoop;

/// A scheduler in the event loop of the Qt application.
pub type QtScheduler<P = LinkedPlugins> = LoopScheduler<QtLoop, P>;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::scheduler("qt")
    .classes(&["apscheduler.schedulers.qt:QtScheduler"])
    .summary("runs in the event loop of a Qt application")
    .source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
