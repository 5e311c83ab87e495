//! Scheduler types that need only threads, and the building blocks of those for other event loops.
//!
//! A type for an event loop is a [`LoopScheduler`] on its [`EventLoop`](crate::EventLoop); one for
//! an async runtime is a [`RuntimeScheduler`] on its
//! [`Runtime`](apscheduler_core::executor::Runtime).

mod async_job;
mod async_scheduler;
mod background;
mod blocking;
mod builder;
mod loop_scheduler;
mod plugins;
mod runtime_loop;
mod runtime_scheduler;
mod thread_loop;

pub use async_job::AsyncJob;
pub use async_scheduler::AsyncScheduler;
pub use background::{BACKGROUND_PLUGIN, BackgroundScheduler};
pub use blocking::{BLOCKING_PLUGIN, BlockingScheduler};
pub use builder::{BuildScheduler, SchedulerBuilder};
pub use loop_scheduler::LoopScheduler;
pub use plugins::PLUGINS;
pub use runtime_loop::RuntimeLoop;
pub use runtime_scheduler::RuntimeScheduler;
pub use thread_loop::{BackgroundLoop, BlockingLoop};
