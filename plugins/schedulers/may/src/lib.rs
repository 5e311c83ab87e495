#![doc = include_str!("../README.md")]

mod alarm;
mod event_loop;

use apscheduler_core::registry::Plugin;
use apscheduler_engine::LinkedPlugins;
use apscheduler_engine::schedulers::LoopScheduler;

pub use event_loop::MayLoop;

/// A scheduler that is a coroutine of may.
pub type MayScheduler<P = LinkedPlugins> = LoopScheduler<MayLoop, P>;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::scheduler("may")
    .aliases(&["gevent"])
    .classes(&["apscheduler.schedulers.gevent:GeventScheduler"])
    .summary("runs as a stackful coroutine of may")
    .source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
