//! A scheduler on its own thread.

use super::{BackgroundLoop, LoopScheduler};
use crate::linked_plugins::LinkedPlugins;
use apscheduler_core::registry::Plugin;

/// The descriptor of the background scheduler.
pub static BACKGROUND_PLUGIN: Plugin = Plugin::scheduler("background")
    .classes(&["apscheduler.schedulers.background:BackgroundScheduler"])
    .summary("runs on its own thread")
    .source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

/// A scheduler on its own thread: `start` returns at once.
///
/// # Examples
/// ```
/// use apscheduler::prelude::*;
///
/// let scheduler = BackgroundScheduler::new();
/// scheduler.add_executor("default", "debug")?;
/// let (sender, receiver) = std::sync::mpsc::channel();
/// scheduler.add_job(JobBuilder::new(move || drop(sender.send("ran"))))?;
/// scheduler.start()?;
/// assert_eq!(receiver.recv(), Ok("ran"));
/// scheduler.shutdown(Shutdown::Wait)?;
/// # Ok::<(), apscheduler::Error>(())
/// ```
pub type BackgroundScheduler<P = LinkedPlugins> = LoopScheduler<BackgroundLoop, P>;
