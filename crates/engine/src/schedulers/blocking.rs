//! A scheduler on the thread that starts it.

use super::{BlockingLoop, LoopScheduler};
use crate::linked_plugins::LinkedPlugins;
use apscheduler_core::registry::Plugin;

/// The descriptor of the blocking scheduler.
pub static BLOCKING_PLUGIN: Plugin = Plugin::scheduler("blocking")
    .classes(&["apscheduler.schedulers.blocking:BlockingScheduler"])
    .summary("runs on the thread that starts it")
    .source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

/// A scheduler on the thread that starts it: `start` returns when a job, a listener or another
/// thread has shut the scheduler down.
///
/// # Examples
/// ```
/// use apscheduler::prelude::*;
///
/// let scheduler = BlockingScheduler::new();
/// scheduler.add_executor("default", "debug")?;
/// scheduler.add_job(JobBuilder::new(|context: &JobContext| {
///     context.scheduler().map(|scheduler| scheduler.shutdown(Shutdown::Now).is_ok())
/// }))?;
/// scheduler.start()?;
/// # Ok::<(), apscheduler::Error>(())
/// ```
pub type BlockingScheduler<P = LinkedPlugins> = LoopScheduler<BlockingLoop, P>;
