//! Schedulers that need nothing but threads.

mod background;
mod blocking;
mod thread_loop;

pub use background::{BACKGROUND_PLUGIN, BackgroundScheduler};
pub use blocking::{BLOCKING_PLUGIN, BlockingScheduler};
