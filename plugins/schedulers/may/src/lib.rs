#![doc = include_str!("../README.md")]

mod alarm;
mod block_on;
mod event_loop;
mod executor;
mod options;
mod queue;
mod spawn;
mod worker;

use std::sync::Arc;

use apscheduler_core::registry::Plugin;
use apscheduler_engine::LinkedPlugins;
use apscheduler_engine::schedulers::LoopScheduler;

pub use event_loop::MayLoop;
pub use executor::MayExecutor;
pub use options::MayOptions;

/// A scheduler that is a coroutine.
pub type MayScheduler<P = LinkedPlugins> = LoopScheduler<MayLoop, P>;

/// The descriptor of the scheduler.
pub static PLUGIN: Plugin = Plugin::scheduler("may")
    .aliases(&["gevent"])
    .classes(&["apscheduler.schedulers.gevent:GeventScheduler"])
    .summary("runs as a stackful coroutine of may")
    .source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

/// The descriptor of the executor.
pub static EXECUTOR_PLUGIN: Plugin = Plugin::executor("may", &|options| {
    Ok(Arc::new(MayExecutor::with_options(&MayOptions::parse(options)?)))
})
.aliases(&["gevent"])
.classes(&["apscheduler.executors.gevent:GeventExecutor"])
.summary("runs jobs as stackful coroutines of may")
.source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
