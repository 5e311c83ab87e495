#![doc = include_str!("../README.md")]

mod event_loop;
mod turns;

use apscheduler_core::registry::Plugin;
use apscheduler_engine::LinkedPlugins;
use apscheduler_engine::schedulers::LoopScheduler;

pub use event_loop::CalloopLoop;

/// A scheduler in a calloop event loop: `CalloopScheduler::builder_on(CalloopLoop::insert_into(&handle)?).build()?`.
pub type CalloopScheduler<P = LinkedPlugins> = LoopScheduler<CalloopLoop, P>;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::scheduler("calloop")
    .aliases(&["twisted"])
    .classes(&["apscheduler.schedulers.twisted:TwistedScheduler"])
    .summary("runs in a calloop event loop")
    .source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
